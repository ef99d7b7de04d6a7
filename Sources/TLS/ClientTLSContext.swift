import COpenSSL

/// Whom a client trusts and who it is. Files are read when it is made.
public struct ClientTLSContext: Sendable {
  let context: TLSContext

  /// - Parameters:
  ///   - authorityFile: PEM; nil trusts what the system trusts.
  ///   - certificateFile: PEM, the chain behind the certificate; it comes with a key or not at all.
  ///   - keyFile: PEM, not encrypted.
  public init(authorityFile: String?, certificateFile: String?, keyFile: String?) throws(TLSFailure) {
    context = try TLSContext(isServer: false)
    unsafe SSL_CTX_set_verify(context.handle, SSL_VERIFY_PEER, nil)
    if let authorityFile {
      try context.trust(authorities: authorityFile)
    } else {
      guard unsafe SSL_CTX_set_default_verify_paths(context.handle) == 1 else {
        throw TLSFailure.openSSL("the system's trusted certificates cannot be read")
      }
    }
    switch (certificateFile, keyFile) {
    case (nil, nil): return
    case (let certificate?, let key?): try context.use(certificate: certificate, key: key)
    case (_?, nil), (nil, _?):
      throw TLSFailure(why: "a client certificate needs a certificate file and a key file")
    }
  }
}
