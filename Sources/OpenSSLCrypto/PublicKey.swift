import COpenSSL

/// A public key on its own: of a pair whose private half stays in a token.
@safe
public final class PublicKey: @unchecked Sendable {
  // Never changed after the initialiser; OpenSSL's EVP_PKEY may be used by several threads at once.
  let handle: OpaquePointer

  /// From DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
  ///
  /// - Parameter name: whose key it is, for messages.
  public init(subjectPublicKeyInfo der: [UInt8], name: String) throws(CryptoError) {
    let parsed = unsafe der.withUnsafeBufferPointer { octets in
      var cursor = octets.baseAddress
      return unsafe d2i_PUBKEY(nil, &cursor, octets.count)
    }
    guard let parsed = unsafe parsed else { throw .openSSL("\(name): not a DER SubjectPublicKeyInfo") }
    unsafe handle = unsafe parsed
  }

  deinit {
    unsafe EVP_PKEY_free(handle)
  }

  /// DER SubjectPublicKeyInfo.
  public var subjectPublicKeyInfo: [UInt8] {
    unsafe encoded { unsafe i2d_PUBKEY(handle, $0) }
  }

  /// Whether this is the key of that certificate.
  public func belongs(to certificate: Certificate) -> Bool {
    defer { ERR_clear_error() }
    return unsafe EVP_PKEY_eq(X509_get0_pubkey(certificate.handle), handle) == 1
  }
}
