public import CalendarTime
import EventLoop
public import OCSP
public import Responder
import Synchronization

/// A wall clock that stands where it is put, for threads that run in real time: the other clock is the machine's.
public final class ManualClock: Clock {
  private let time: Mutex<UnixTime>

  public init(_ time: UnixTime) {
    self.time = Mutex(time)
  }

  public func now() -> UnixTime { time.withLock { $0 } }
  public func monotonicNanoseconds() -> Int64 { MonotonicTime.now().nanoseconds }
  public func set(_ newTime: UnixTime) { time.withLock { $0 = newTime } }
  public func advance(seconds: Int64) { time.withLock { $0 = $0.advanced(bySeconds: seconds) } }
}

/// A signer whose signatures are a checksum: quick, and different for different messages.
///
/// `beforeSigning` runs in the signing thread before each signature: the place to make a change overtake it.
public final class FakeSigner: Signer {
  static let algorithm: [UInt8] = [0x30, 0x05, 0x06, 0x03, 0x2A, 0x03, 0x04]
  public var signatureAlgorithm: [UInt8] { FakeSigner.algorithm }
  private let hooks = Mutex(Hooks())
  private let signed = Mutex(0)

  public let place: SigningPlace

  public init(place: SigningPlace = SigningPlace(name: "fake", threads: 2)) {
    self.place = place
  }

  // In a structure: a closure that a mutex holds by itself is wrapped anew each time it is looked at.
  private struct Hooks {
    var beforeSigning: (@Sendable () throws(SigningError) -> Void)?
    var whileClosing: (@Sendable () -> Void)?
    var signsFalsely = false
  }

  /// From here on its signatures do not verify, and nobody notices.
  public func signFalsely(_ isFalse: Bool) { hooks.withLock { $0.signsFalsely = isFalse } }

  public func isGenuine(_ signature: [UInt8], over tbsResponseData: [UInt8]) -> Bool {
    signature == Checksum.octets(tbsResponseData, [])
  }

  /// How many signatures were made.
  public var count: Int { signed.withLock { $0 } }

  public func beforeSigning(_ body: (@Sendable () throws(SigningError) -> Void)?) {
    hooks.withLock { $0.beforeSigning = body }
  }

  /// Runs where a session is closed.
  public func whileClosing(_ body: (@Sendable () -> Void)?) {
    hooks.withLock { $0.whileClosing = body }
  }

  public func openSession() throws(SigningError) -> any SigningSession { Session(signer: self) }

  private final class Session: SigningSession {
    private let signer: FakeSigner

    init(signer: FakeSigner) {
      self.signer = signer
    }

    deinit { signer.hooks.withLock { $0.whileClosing }?() }

    func sign(_ tbsResponseData: [UInt8]) throws(SigningError) -> [UInt8] {
      if let hook = signer.hooks.withLock({ $0.beforeSigning }) { try hook() }
      signer.signed.withLock { $0 += 1 }
      let isFalse = signer.hooks.withLock { $0.signsFalsely }
      return Checksum.octets(tbsResponseData, isFalse ? [1] : [])
    }
  }
}

/// A hasher that is no hash function, and yet differs where the octets differ.
public struct FakeHasher: ResponseHasher {
  public init() {}

  public func sha256(_ first: [UInt8], _ second: [UInt8]) -> ResponseDigest {
    ResponseDigest(octets: Checksum.octets(first, second))
  }
}

private enum Checksum {
  static func octets(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
    var lanes: [UInt64] = [1, 2, 3, 4]
    for (index, octet) in (first + second).enumerated() {
      lanes[index & 3] = (lanes[index & 3] ^ UInt64(octet)) &* 0x100_0000_01B3 &+ UInt64(index)
    }
    // Every octet of the digest depends on every octet of the message.
    let all = lanes.reduce(0) { ($0 &* 31) ^ $1 }
    lanes = lanes.map { ($0 ^ (all << 17 | all >> 47)) &* 0x9E37_79B9_7F4A_7C15 }
    return lanes.flatMap { lane in (0..<8).map { UInt8(truncatingIfNeeded: lane >> UInt64($0 * 8)) } }
  }
}

/// An issuer for tests: fake signer, fake hashes, any policy.
public enum Sample {
  public static let start = UnixTime(seconds: 1_760_000_000)

  public static func serial(_ number: Int) -> SerialNumber {
    var octets: [UInt8] = [1]
    for shift in [24, 16, 8, 0] { octets.append(UInt8(truncatingIfNeeded: number >> shift)) }
    guard let serial = SerialNumber(content: octets) else { preconditionFailure("five octets are a serial") }
    return serial
  }

  public static func digest(_ fill: UInt8, _ count: Int) -> Digest {
    guard let digest = Digest([UInt8](repeating: fill, count: count)) else { preconditionFailure("too long") }
    return digest
  }

  public static func issuer(
    index: UInt16 = 0, storeID: StoreIssuerID = StoreIssuerID(1), signer: any Signer = FakeSigner(),
    policy: IssuerPolicy = IssuerPolicy(), notBefore: UnixTime = start.advanced(bySeconds: -86_400),
    notAfter: UnixTime = start.advanced(bySeconds: 365 * 86_400)
  ) -> Issuer {
    let fill = UInt8(index) &* 2
    let identifiers = HashAlgorithm.allCases.map { algorithm in
      (
        algorithm,
        IssuerIdentifier(
          nameHash: digest(fill + 1, algorithm.digestCount), keyHash: digest(fill + 2, algorithm.digestCount))
      )
    }
    return Issuer(
      index: IssuerIndex(index), storeID: storeID, name: "issuer-\(index)", policy: policy,
      identifiers: Dictionary(uniqueKeysWithValues: identifiers),
      credential: credential(UInt8(index), notBefore: notBefore, notAfter: notAfter),
      credentialIndex: CredentialIndex(UInt32(index)), keys: [signer], issuerNotBefore: notBefore)
  }

  public static func credential(
    _ number: UInt8, notBefore: UnixTime = start.advanced(bySeconds: -86_400),
    notAfter: UnixTime = start.advanced(bySeconds: 365 * 86_400)
  ) -> SigningCredential {
    SigningCredential(
      responderID: .byKey([UInt8](repeating: 9, count: 20)), signatureAlgorithm: FakeSigner.algorithm,
      certificates: [[0x30, 0x03, 0x02, 0x01, number]], notBefore: notBefore, notAfter: notAfter)
  }

  /// What a configuration would say of one issuer.
  public static func settings(
    _ name: String = "one", keys: [any Signer], policy: IssuerPolicy = IssuerPolicy(),
    credential: SigningCredential? = nil
  ) -> IssuerSettings {
    let fill = name.utf8.reduce(UInt8(1)) { $0 &* 31 &+ $1 } | 1
    let identifiers = HashAlgorithm.allCases.map { algorithm in
      (
        algorithm,
        IssuerIdentifier(
          nameHash: digest(fill, algorithm.digestCount), keyHash: digest(fill &+ 1, algorithm.digestCount))
      )
    }
    return IssuerSettings(
      name: name, identity: Array(name.utf8), policy: policy,
      identifiers: Dictionary(uniqueKeysWithValues: identifiers), credential: credential ?? self.credential(fill),
      keys: keys, notBefore: start.advanced(bySeconds: -86_400))
  }

  public static func record(_ number: Int, revocation: Revocation? = nil) -> CertificateRecord {
    CertificateRecord(serial: serial(number), notAfter: start.advanced(bySeconds: 90 * 86_400), revocation: revocation)
  }

  public static func revocation(_ reason: RevocationReason? = .keyCompromise) -> Revocation {
    Revocation(time: start.advanced(bySeconds: -60), reason: reason)
  }
}
