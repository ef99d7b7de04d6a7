import COpenSSL

/// TLS of one connection as a filter: octets of the wire in and out, plain ones in and out. The socket is the caller's.
@safe
final class TLSSession {
  /// In words that name file or reason.
  struct Failure: Error, Sendable {
    var why: String
  }

  enum Read {
    case bytes(Int)
    /// Everything that came is read.
    case none
    /// The server has closed.
    case end
  }

  private let session: OpaquePointer
  // The session owns both.
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer

  /// - Parameter host: what the certificate must be for, save where the settings name another.
  init(_ settings: RedisTLS, host: String) throws(Failure) {
    let context = try unsafe TLSContext.make(settings)
    // The session has a reference of its own.
    defer { unsafe SSL_CTX_free(context) }
    guard let session = unsafe SSL_new(context) else { throw TLSSession.failure("a TLS session could not be made") }
    guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem()) else {
      fatalError("no memory for a TLS session")
    }
    unsafe SSL_set_bio(session, incoming, outgoing)
    unsafe self.session = unsafe session
    unsafe self.incoming = unsafe incoming
    unsafe self.outgoing = unsafe outgoing
    unsafe SSL_set_connect_state(session)
    try expect(settings.serverName ?? host)
  }

  deinit {
    unsafe SSL_free(session)
  }

  private func expect(_ name: String) throws(Failure) {
    let parameters = unsafe SSL_get0_param(session)
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 { return }
    ERR_clear_error()
    unsafe SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    var octets = Array(name.utf8CString)
    let isSet = unsafe octets.withUnsafeMutableBytes { buffer in
      unsafe SSL_set1_host(session, name) == 1
        && SSL_ctrl(
          session, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), buffer.baseAddress) == 1
    }
    guard isSet else { throw TLSSession.failure("'\(name)' is no name that a certificate can have") }
  }

  /// Goes on with the handshake. True when it is done, false when more must come.
  func handshake() throws(Failure) -> Bool {
    ERR_clear_error()
    let code = unsafe SSL_do_handshake(session)
    if code == 1 { return true }
    if unsafe SSL_get_error(session, code) == SSL_ERROR_WANT_READ { return false }
    let verification = unsafe SSL_get_verify_result(session)
    guard verification == Int(X509_V_OK) else {
      ERR_clear_error()
      let text = unsafe String(cString: X509_verify_cert_error_string(verification))
      throw Failure(why: "TLS: the server's certificate is refused: \(text)")
    }
    throw TLSSession.failure("TLS: the handshake failed")
  }

  /// Takes octets of the wire in.
  func receive(_ wire: UnsafeRawBufferPointer) {
    guard unsafe !wire.isEmpty else { return }
    let count = unsafe BIO_write(incoming, wire.baseAddress, Int32(wire.count))
    precondition(Int(count) == wire.count, "no memory for what came by TLS")
  }

  /// Gives plain octets out.
  func read(_ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Read {
    ERR_clear_error()
    let count = unsafe SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
    if count > 0 { return .bytes(Int(count)) }
    switch unsafe SSL_get_error(session, count) {
    case SSL_ERROR_WANT_READ: return .none
    case SSL_ERROR_ZERO_RETURN: return .end
    default: throw TLSSession.failure("TLS")
    }
  }

  /// Takes plain octets in; only after the handshake.
  func write(_ plain: [UInt8]) throws(Failure) {
    var start = 0
    while start < plain.count {
      ERR_clear_error()
      let count = unsafe plain.withUnsafeBytes { buffer in
        unsafe SSL_write(session, buffer.baseAddress! + start, Int32(clamping: plain.count - start))
      }
      // A memory BIO takes everything, and nothing renegotiates.
      guard count > 0 else { throw TLSSession.failure("TLS: nothing more can be sent") }
      start += Int(count)
    }
  }

  /// Gives octets for the wire out, behind those that are in `wire`.
  func takeWire(_ wire: inout [UInt8]) {
    let pending = unsafe Int(BIO_ctrl_pending(outgoing))
    guard pending > 0 else { return }
    let start = wire.count
    wire.append(contentsOf: repeatElement(0, count: pending))
    let count = unsafe wire.withUnsafeMutableBytes { buffer in
      unsafe BIO_read(outgoing, buffer.baseAddress! + start, Int32(pending))
    }
    precondition(Int(count) == pending, "a memory BIO gives what it has")
  }

  /// Tells the server that nothing more comes.
  func close() {
    ERR_clear_error()
    _ = unsafe SSL_shutdown(session)
    ERR_clear_error()
  }

  /// `what`, with what OpenSSL has to say of it; empties this thread's error queue.
  static func failure(_ what: String) -> Failure {
    var reasons: [String] = []
    while true {
      let code = ERR_get_error()
      guard code != 0 else { break }
      guard let text = unsafe ERR_reason_error_string(code) else { continue }
      let reason = unsafe String(cString: text)
      if !reasons.contains(reason) { reasons.append(reason) }
    }
    return Failure(why: reasons.isEmpty ? what : "\(what): \(reasons.joined(separator: ", "))")
  }
}
