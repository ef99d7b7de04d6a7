import COpenSSL

/// What all TLS connections of a client have in common: whom it trusts and who it is. Made for each connection, so that
/// changed files count.
enum TLSContext {
  /// The caller frees it.
  static func make(_ settings: RedisTLS) throws(TLSSession.Failure) -> OpaquePointer {
    ERR_clear_error()
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw TLSSession.failure("a TLS context could not be made")
    }
    do throws(TLSSession.Failure) {
      try unsafe fill(context, settings)
    } catch {
      unsafe SSL_CTX_free(context)
      throw error
    }
    return unsafe context
  }

  private static func fill(_ context: OpaquePointer, _ settings: RedisTLS) throws(TLSSession.Failure) {
    guard unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil) == 1 else {
      throw TLSSession.failure("TLS 1.2 is not to be had")
    }
    unsafe avouch_refuse_renegotiation(context)
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    // Without it OpenSSL would ask for a passphrase on the terminal.
    unsafe SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
    if let file = settings.authorityFile {
      guard unsafe SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
        throw TLSSession.failure("\(file): no certificates of authorities can be read")
      }
    } else {
      guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else {
        throw TLSSession.failure("the system's trusted certificates cannot be read")
      }
    }
    switch (settings.certificateFile, settings.keyFile) {
    case (nil, nil): return
    case (let certificate?, let key?):
      guard unsafe SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
        throw TLSSession.failure("\(certificate): no PEM certificate can be read")
      }
      // OpenSSL looks here, too, whether they belong together.
      guard unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
        throw TLSSession.failure("\(key): no PEM private key of \(certificate) without passphrase can be read")
      }
    case (_?, nil), (nil, _?):
      throw TLSSession.Failure(why: "a client certificate needs a certificate file and a key file")
    }
  }
}
