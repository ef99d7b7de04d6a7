import COpenSSL
public import CalendarTime
public import Responder

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

  /// The certificate of a PEM file, or a DER file.
  ///
  /// - Parameters:
  ///   - name: the file's name, for messages.
  ///   - allowsChain: whether others may follow it, as those of its issuers do in a web server's file. False refuses a file
  ///     that holds several: which of them is meant would be a guess.
  public convenience init(file octets: [UInt8], name: String, allowsChain: Bool = false) throws(CryptoError) {
    if octets.first == 0x30 {
      try self.init(der: octets, name: name)
      return
    }
    if !allowsChain {
      let labels = ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"]
      let count = try PEM.blocks(in: octets).count { labels.contains($0.label) }
      guard count < 2 else {
        throw CryptoError("\(name): \(count) certificates in it; one is expected")
      }
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

  /// The issuer's DER Name.
  public var issuerName: [UInt8] {
    unsafe encoded { unsafe i2d_X509_NAME(X509_get_issuer_name(handle), $0) }
  }

  /// The content octets of the serial number's DER INTEGER, as they stand in the certificate's encoding.
  public var serialOctets: [UInt8] {
    let element = unsafe encoded { unsafe i2d_ASN1_INTEGER(X509_get0_serialNumber(handle), $0) }
    // A serial is far shorter than 128 octets in any certificate that OpenSSL parses here; longer ones are nobody's.
    guard element.count >= 3, element[1] < 0x80 else { return [] }
    return Array(element[2...])
  }

  /// The subjectPublicKey BIT STRING without tag, length and unused-bits octet: what issuerKeyHash is taken over.
  public var publicKeyBits: [UInt8] {
    guard let bits = unsafe X509_get0_pubkey_bitstr(handle) else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(bits), count: Int(ASN1_STRING_length(bits))))
  }

  /// The kind of its key; nil for one that cannot sign responses.
  public var keyKind: KeyKind? { unsafe KeyKind(X509_get0_pubkey(handle)) }

  /// The subject on one line, as RFC 2253 writes it.
  public var subjectText: String {
    let octets = unsafe MemoryBIO.writing { bio in
      unsafe X509_NAME_print_ex(bio, X509_get_subject_name(handle), 0, avouch_name_flags())
    }
    return String(decoding: octets, as: UTF8.self)
  }

  public var notBefore: UnixTime { unsafe Certificate.time(X509_get0_notBefore(handle)) }
  public var notAfter: UnixTime { unsafe Certificate.time(X509_get0_notAfter(handle)) }

  /// Whether this certificate's signature was made with the key of `issuer`, whatever the names say.
  public func isSigned(by issuer: Certificate) -> Bool {
    defer { ERR_clear_error() }
    return unsafe X509_verify(handle, X509_get0_pubkey(issuer.handle)) == 1
  }

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
