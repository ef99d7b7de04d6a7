import COpenSSL

/// What all sessions of one kind have in common, with what client and server agree on: TLS 1.2 or later at the security
/// level of the system, neither renegotiation nor compression.
///
/// `@unchecked`: nothing changes it after `init`, and OpenSSL counts its references atomically.
@safe
final class TLSContext: @unchecked Sendable {
  let handle: OpaquePointer

  /// - Parameter isServer: which end of a connection its sessions are.
  init(isServer: Bool) throws(TLSFailure) {
    ERR_clear_error()
    let method = unsafe isServer ? TLS_server_method() : TLS_client_method()
    guard let handle = unsafe SSL_CTX_new(method) else {
      throw TLSFailure.openSSL("a TLS context could not be made")
    }
    unsafe self.handle = unsafe handle
    guard unsafe SSL_CTX_ctrl(handle, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil) == 1 else {
      throw TLSFailure.openSSL("TLS 1.2 is not to be had")
    }
    unsafe avouch_refuse_renegotiation(handle)
    // Without it OpenSSL would ask for a passphrase on the terminal.
    unsafe SSL_CTX_set_default_passwd_cb(handle) { _, _, _, _ in -1 }
  }

  deinit {
    unsafe SSL_CTX_free(handle)
  }

  /// Says who this end is.
  ///
  /// - Parameters:
  ///   - certificate: a PEM file, the chain behind the certificate.
  ///   - key: a PEM file that is not encrypted.
  func use(certificate: String, key: String) throws(TLSFailure) {
    guard unsafe SSL_CTX_use_certificate_chain_file(handle, certificate) == 1 else {
      throw TLSFailure.openSSL("\(certificate): no PEM certificate can be read")
    }
    // OpenSSL looks here, too, whether they belong together.
    guard unsafe SSL_CTX_use_PrivateKey_file(handle, key, SSL_FILETYPE_PEM) == 1 else {
      throw TLSFailure.openSSL("\(key): no PEM private key of \(certificate) without passphrase can be read")
    }
  }

  /// Says whom this end trusts.
  func trust(authorities file: String) throws(TLSFailure) {
    guard unsafe SSL_CTX_load_verify_locations(handle, file, nil) == 1 else {
      throw TLSFailure.openSSL("\(file): no certificates of authorities can be read")
    }
  }
}
