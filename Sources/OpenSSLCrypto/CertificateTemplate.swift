import COpenSSL
public import CalendarTime
import Responder

/// A certificate to be made: for the toy CA of `avouch demo` and for tests.
public struct CertificateTemplate: Sendable {
  /// Attribute and value, outermost first: `[("O", "Example"), ("CN", "Example CA")]`.
  public var subject: [(attribute: String, value: String)]
  /// The content octets of the DER INTEGER, positive.
  public var serialOctets: [UInt8]
  public var notBefore: UnixTime
  public var notAfter: UnixTime
  /// Name and value as OpenSSL's configuration files write them (x509v3_config(5)).
  public var extensions: [(name: String, value: String)]

  public init(
    subject: [(attribute: String, value: String)], serialOctets: [UInt8], notBefore: UnixTime, notAfter: UnixTime,
    extensions: [(name: String, value: String)]
  ) {
    self.subject = subject
    self.serialOctets = serialOctets
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.extensions = extensions
  }

  /// The certificate of `key`, signed by `issuerKey` in the name of `issuer`; nil makes a self-signed one.
  public func sign(
    key: PrivateKey, issuer: Certificate?, issuerKey: PrivateKey
  ) throws(CryptoError) -> Certificate {
    try unsafe sign(publicKey: key.handle, issuer: issuer, issuerKey: issuerKey)
  }

  /// The certificate of a key whose private half is elsewhere.
  public func sign(
    publicKey: PublicKey, issuer: Certificate, issuerKey: PrivateKey
  ) throws(CryptoError) -> Certificate {
    try unsafe sign(publicKey: publicKey.handle, issuer: issuer, issuerKey: issuerKey)
  }

  private func sign(
    publicKey: OpaquePointer, issuer: Certificate?, issuerKey: PrivateKey
  ) throws(CryptoError) -> Certificate {
    guard let made = unsafe X509_new() else { throw .openSSL("out of memory") }
    // Owned from here on: freed whatever is thrown below.
    let certificate = unsafe Certificate(taking: made)
    guard unsafe X509_set_version(made, 2) == 1, unsafe X509_set_pubkey(made, publicKey) == 1,
      unsafe ASN1_TIME_set(X509_getm_notBefore(made), Int(notBefore.seconds)) != nil,
      unsafe ASN1_TIME_set(X509_getm_notAfter(made), Int(notAfter.seconds)) != nil
    else { throw .openSSL("a certificate could not be filled in") }
    try unsafe setSerial(made)
    try unsafe setNames(made, issuer: issuer)
    for (name, value) in extensions {
      guard unsafe avouch_add_extension(made, issuer?.handle ?? made, name, value) == 1 else {
        throw .openSSL("the extension \(name) = \(value) could not be made")
      }
    }
    let digest = issuerKey.kind == .ed25519 ? nil : unsafe EVP_sha256()
    guard unsafe X509_sign(made, issuerKey.handle, digest) > 0 else {
      throw .openSSL("a certificate could not be signed")
    }
    return certificate
  }

  private func setSerial(_ certificate: OpaquePointer) throws(CryptoError) {
    let number = unsafe BN_bin2bn(serialOctets, Int32(serialOctets.count), nil)
    defer { unsafe BN_free(number) }
    guard unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
      throw .openSSL("the serial number could not be set")
    }
  }

  private func setNames(_ certificate: OpaquePointer, issuer: Certificate?) throws(CryptoError) {
    let name = unsafe X509_get_subject_name(certificate)
    for (attribute, value) in subject {
      let octets = Array(value.utf8)
      guard
        unsafe X509_NAME_add_entry_by_txt(name, attribute, MBSTRING_UTF8, octets, Int32(octets.count), -1, 0) == 1
      else { throw .openSSL("the name \(attribute)=\(value) could not be set") }
    }
    let issuerName = unsafe issuer.map { unsafe X509_get_subject_name($0.handle) } ?? name
    guard unsafe X509_set_issuer_name(certificate, issuerName) == 1 else {
      throw .openSSL("the issuer's name could not be set")
    }
  }
}
