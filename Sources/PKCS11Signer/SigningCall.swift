import CP11Kit
import OCSP

/// C_SignInit and C_Sign with everything they need, in memory that is taken once: one thread's.
///
/// No lock is held while the token signs: a call that hangs holds up nobody else.
@safe
final class SigningCall {
  typealias DigestFunction = @Sendable ([UInt8], HashAlgorithm) -> [UInt8]

  private let mechanism: SigningMechanism
  private let digest: DigestFunction
  // Owned; C reads and writes them during calls.
  private let call: UnsafeMutablePointer<CK_MECHANISM>
  private let pss: UnsafeMutablePointer<CK_RSA_PKCS_PSS_PARAMS>
  private let input: UnsafeMutablePointer<UInt8>
  private let output: UnsafeMutableRawPointer
  private let prefixCount: Int
  private let outputCount: Int

  init(_ mechanism: SigningMechanism, digest: @escaping DigestFunction) {
    self.mechanism = mechanism
    self.digest = digest
    prefixCount = mechanism.prefix.count
    unsafe input = .allocate(capacity: prefixCount + 64)
    for (place, octet) in mechanism.prefix.enumerated() { unsafe input[place] = octet }
    // Room to spare: what is too long is then seen to be, instead of refused with a code that says less.
    outputCount = mechanism.form.maximumCount + 64
    unsafe output = .allocate(byteCount: outputCount, alignment: 8)
    unsafe pss = .allocate(capacity: 1)
    unsafe pss.initialize(to: mechanism.pss ?? CK_RSA_PKCS_PSS_PARAMS())
    unsafe call = .allocate(capacity: 1)
    unsafe call.initialize(
      to: CK_MECHANISM(
        mechanism: mechanism.type, pParameter: mechanism.pss == nil ? nil : UnsafeMutableRawPointer(pss),
        ulParameterLen: mechanism.pss == nil ? 0 : CK_ULONG(MemoryLayout<CK_RSA_PKCS_PSS_PARAMS>.size)))
  }

  deinit {
    unsafe input.deallocate()
    unsafe output.deallocate()
    unsafe pss.deallocate()
    unsafe call.deallocate()
  }

  /// The signature over the message, in the form that X.509 has it.
  func sign(
    _ message: [UInt8], _ cryptoki: Cryptoki, _ session: CK_SESSION_HANDLE, _ key: CK_OBJECT_HANDLE
  ) throws(TokenError) -> [UInt8] {
    guard let initialize = unsafe cryptoki.functions.pointee.C_SignInit,
      let sign = unsafe cryptoki.functions.pointee.C_Sign
    else { throw TokenError(call: "C_Sign", ReturnCode(rawValue: CKR_FUNCTION_NOT_SUPPORTED)) }
    let data: [UInt8]
    if let algorithm = mechanism.digest { data = digest(message, algorithm) } else { data = message }
    LastCall.begin("C_SignInit")
    var answer = unsafe initialize(session, call, key)
    guard answer == CKR_OK else { throw TokenError(call: "C_SignInit", ReturnCode(rawValue: answer)) }
    LastCall.begin("C_Sign")
    var count = CK_ULONG(outputCount)
    if prefixCount > 0 {
      let dataCount = min(data.count, 64)
      unsafe (input + prefixCount).update(from: data, count: dataCount)
      answer = unsafe sign(
        session, input, CK_ULONG(prefixCount + dataCount), output.assumingMemoryBound(to: UInt8.self), &count)
    } else {
      answer = unsafe data.withUnsafeBufferPointer { octets in
        // C's prototype has no const; the data is only read.
        unsafe sign(
          session, UnsafeMutablePointer(mutating: octets.baseAddress), CK_ULONG(octets.count),
          output.assumingMemoryBound(to: UInt8.self), &count)
      }
    }
    guard answer == CKR_OK else { throw TokenError(call: "C_Sign", ReturnCode(rawValue: answer)) }
    guard let signature = signature(count) else {
      throw TokenError("C_Sign: \(count) octets that are no signature with \(mechanism.name)", .reopenSlot)
    }
    return signature
  }

  private func signature(_ count: CK_ULONG) -> [UInt8]? {
    guard count <= outputCount else { return nil }
    let raw = unsafe UnsafeRawBufferPointer(start: output, count: Int(count))
    switch mechanism.form {
    case .ecdsa(let fieldCount): return raw.count <= 2 * fieldCount ? unsafe ECDSASignature.der(raw) : nil
    case .plain(let expected): return raw.count == expected ? unsafe [UInt8](raw) : nil
    }
  }
}
