import COpenSSL
public import CalendarTime

/// An X.509 certificate.
@safe
public final class Certificate: @unchecked Sendable {
  // Never changed after the initialiser, and OpenSSL's readers of an X509 lock what they cache: any thread may use it.
  let handle: OpaquePointer

  init(taking handle: OpaquePointer) {
    unsafe self.handle = unsafe handle
  }

  /// From DER.
  public convenience init(der: [UInt8], name: String) throws(CryptoError) {
    let parsed = unsafe der.withUnsafeBufferPointer { octets -> OpaquePointer? in
      var cursor = octets.baseAddress
      guard let certificate = unsafe d2i_X509(nil, &cursor, octets.count) else { return nil }
      if unsafe cursor != octets.baseAddress.map({ unsafe $0 + octets.count }) {
        unsafe X509_free(certificate)
        return nil
      }
      return unsafe certificate
    }
    guard let parsed = unsafe parsed else { throw .openSSL("\(name): not a DER certificate") }
    unsafe self.init(taking: parsed)
  }

  /// The first certificate of a PEM file, or a DER file.
  ///
  /// - Parameter name: the file's name, for messages.
  public convenience init(file octets: [UInt8], name: String) throws(CryptoError) {
    if octets.first == 0x30 {
      try self.init(der: octets, name: name)
      return
    }
    let parsed = try unsafe MemoryBIO.reading(octets) { bio in unsafe PEM_read_bio_X509(bio, nil, nil, nil) }
    guard let parsed = unsafe parsed else {
      throw .openSSL("\(name): no certificate in it; expected PEM with BEGIN CERTIFICATE, or DER")
    }
    unsafe self.init(taking: parsed)
  }

  deinit {
    unsafe X509_free(handle)
  }

  public var der: [UInt8] {
    unsafe encoded { unsafe i2d_X509(handle, $0) }
  }

  /// PEM, with a final newline.
  public var pem: [UInt8] {
    unsafe MemoryBIO.writing { bio in unsafe PEM_write_bio_X509(bio, handle) }
  }

  /// The subject's DER Name: what issuerNameHash is taken over (RFC 6960 4.1.1).
  public var subjectName: [UInt8] {
    unsafe encoded { unsafe i2d_X509_NAME(X509_get_subject_name(handle), $0) }
  }

  /// The subjectPublicKey BIT STRING without tag, length and unused-bits octet: what issuerKeyHash is taken over.
  public var publicKeyBits: [UInt8] {
    guard let bits = unsafe X509_get0_pubkey_bitstr(handle) else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(bits), count: Int(ASN1_STRING_length(bits))))
  }

  /// The subject on one line, as RFC 2253 writes it.
  public var subjectText: String {
    let octets = unsafe MemoryBIO.writing { bio in
      unsafe X509_NAME_print_ex(bio, X509_get_subject_name(handle), 0, avouch_name_flags())
    }
    return String(decoding: octets, as: UTF8.self)
  }

  public var notBefore: UnixTime { unsafe Certificate.time(X509_get0_notBefore(handle)) }
  public var notAfter: UnixTime { unsafe Certificate.time(X509_get0_notAfter(handle)) }

  /// Whether `issuer` issued this certificate: names, key identifiers and the signature.
  public func isIssued(by issuer: Certificate) -> Bool {
    defer { ERR_clear_error() }
    guard unsafe X509_check_issued(issuer.handle, handle) == X509_V_OK else { return false }
    return unsafe X509_verify(handle, X509_get0_pubkey(issuer.handle)) == 1
  }

  /// Whether the extended key usage lists OCSP signing (RFC 6960 4.2.2.2).
  public var hasOCSPSigningUsage: Bool {
    let isPresent = unsafe X509_get_extension_flags(handle) & UInt32(EXFLAG_XKUSAGE) != 0
    return unsafe isPresent && X509_get_extended_key_usage(handle) & UInt32(XKU_OCSP_SIGN) != 0
  }

  /// Whether id-pkix-ocsp-nocheck is there (RFC 6960 4.2.2.2.1).
  public var hasOCSPNoCheck: Bool {
    unsafe X509_get_ext_by_NID(handle, NID_id_pkix_OCSP_noCheck, -1) >= 0
  }

  /// Whether the key may sign data at all: no keyUsage, or one with digitalSignature.
  public var mayMakeDigitalSignatures: Bool {
    unsafe X509_get_key_usage(handle) & UInt32(KU_DIGITAL_SIGNATURE) != 0
  }

  /// Whether this is a CA's certificate by its basicConstraints.
  public var isCertificateAuthority: Bool {
    unsafe X509_check_ca(handle) > 0
  }

  private static func time(_ time: UnsafePointer<ASN1_TIME>?) -> UnixTime {
    var parts = unsafe tm()
    guard unsafe ASN1_TIME_to_tm(time, &parts) == 1,
      let civil = unsafe CivilTime(
        year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
        hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec))
    else { return UnixTime(seconds: 0) }
    return civil.unixTime
  }
}

/// Octets through OpenSSL's in-memory BIO.
enum MemoryBIO {
  static func reading<Result>(
    _ octets: [UInt8], _ body: (OpaquePointer) -> Result
  ) throws(CryptoError) -> Result {
    let bio = unsafe octets.withUnsafeBytes { unsafe BIO_new_mem_buf($0.baseAddress, Int32(clamping: $0.count)) }
    guard let bio = unsafe bio else { throw .openSSL("out of memory") }
    defer { unsafe BIO_free(bio) }
    // The buffer must outlive the BIO, which keeps a pointer into it.
    return withExtendedLifetime(octets) { unsafe body(bio) }
  }

  static func writing(_ body: (OpaquePointer) -> Int32) -> [UInt8] {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { return [] }
    defer { unsafe BIO_free(bio) }
    guard unsafe body(bio) >= 0 else { return [] }
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe BIO_read(bio, &chunk, Int32(chunk.count))
      guard count > 0 else { return octets }
      octets += chunk[..<Int(count)]
    }
  }
}

/// Runs one of OpenSSL's i2d functions twice: for the length, then for the octets.
func encoded(_ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8] {
  let count = encode(nil)
  guard count > 0 else { return [] }
  return unsafe [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
    var cursor = buffer.baseAddress
    initialized = unsafe Int(max(0, encode(&cursor)))
  }
}
