import COpenSSL

/// TLS of one connection as a filter: octets of the wire in and out, plain ones in and out. The socket is the caller's.
/// Belongs to one thread at a time.
@safe
public final class TLSSession {
  public enum Read: Sendable, Hashable {
    case bytes(Int)
    /// Everything that came is read.
    case none
    /// The other side has said that nothing more comes.
    case end
  }

  private let session: OpaquePointer
  // The session owns both.
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  /// Whose certificate may be refused, for the message.
  private let peer: StaticString
  /// After it OpenSSL may only be asked for the alert that says so.
  private var failure: TLSFailure?

  private init(_ context: TLSContext, peer: StaticString) throws(TLSFailure) {
    ERR_clear_error()
    // The session has a reference of its own to the context.
    guard let session = unsafe SSL_new(context.handle) else {
      throw TLSFailure.openSSL("a TLS session could not be made")
    }
    guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem()) else {
      fatalError("no memory for a TLS session")
    }
    unsafe SSL_set_bio(session, incoming, outgoing)
    unsafe self.session = unsafe session
    unsafe self.incoming = unsafe incoming
    unsafe self.outgoing = unsafe outgoing
    self.peer = peer
  }

  /// The client's end.
  ///
  /// - Parameter name: the host name or address that the server's certificate must be for.
  public convenience init(_ context: ClientTLSContext, server name: String) throws(TLSFailure) {
    try self.init(context.context, peer: "server")
    unsafe SSL_set_connect_state(session)
    try expect(name)
  }

  /// The server's end, with what the context has read last.
  public convenience init(_ context: ServerTLSContext) throws(TLSFailure) {
    try self.init(context.current, peer: "client")
    unsafe SSL_set_accept_state(session)
  }

  deinit {
    unsafe SSL_free(session)
  }

  private func expect(_ name: String) throws(TLSFailure) {
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
    guard isSet else { throw TLSFailure.openSSL("'\(name)' is no name that a certificate can have") }
  }

  /// Goes on with the handshake. True when it is done, false when more must come.
  public func handshake() throws(TLSFailure) -> Bool {
    if let failure { throw failure }
    ERR_clear_error()
    let code = unsafe SSL_do_handshake(session)
    if code == 1 { return true }
    if unsafe SSL_get_error(session, code) == SSL_ERROR_WANT_READ { return false }
    let verification = unsafe SSL_get_verify_result(session)
    guard verification == Int(X509_V_OK) else {
      ERR_clear_error()
      let text = unsafe String(cString: X509_verify_cert_error_string(verification))
      throw fail(TLSFailure(why: "TLS: the \(peer)'s certificate is refused: \(text)"))
    }
    throw fail(TLSFailure.openSSL("TLS: the handshake failed"))
  }

  /// Takes octets of the wire in.
  public func receive(_ wire: UnsafeRawBufferPointer) {
    guard unsafe !wire.isEmpty else { return }
    let count = unsafe BIO_write(incoming, wire.baseAddress, Int32(wire.count))
    precondition(Int(count) == wire.count, "no memory for what came by TLS")
  }

  /// Gives plain octets out.
  public func read(_ buffer: UnsafeMutableRawBufferPointer) throws(TLSFailure) -> Read {
    if let failure { throw failure }
    ERR_clear_error()
    let count = unsafe SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
    if count > 0 { return .bytes(Int(count)) }
    switch unsafe SSL_get_error(session, count) {
    case SSL_ERROR_WANT_READ: return .none
    case SSL_ERROR_ZERO_RETURN: return .end
    default: throw fail(TLSFailure.openSSL("TLS"))
    }
  }

  /// Whether octets of the wire have come that were not read yet: a part of a record at least.
  public var hasUnread: Bool { unsafe SSL_has_pending(session) == 1 || BIO_ctrl_pending(incoming) > 0 }

  /// Takes plain octets in; only after the handshake.
  public func write(_ plain: Span<UInt8>) throws(TLSFailure) {
    try write(plain) { _ in }
  }

  /// Takes plain octets in and hands those for the wire on, record by record, so that they are never all here.
  public func write(_ plain: Span<UInt8>, appendingTo wire: inout [UInt8]) throws(TLSFailure) {
    try write(plain) { session in session.takeWire(&wire) }
  }

  private func write(_ plain: Span<UInt8>, afterRecord: (TLSSession) -> Void) throws(TLSFailure) {
    if let failure { throw failure }
    var start = 0
    while start < plain.count {
      let piece = plain.extracting(start..<min(plain.count, start + TLSSession.recordOctets))
      ERR_clear_error()
      let count = unsafe piece.withUnsafeBytes { unsafe SSL_write(session, $0.baseAddress, Int32($0.count)) }
      // A memory BIO takes everything, and nothing renegotiates.
      guard count > 0 else { throw fail(TLSFailure.openSSL("TLS: nothing more can be sent")) }
      start += Int(count)
      afterRecord(self)
    }
  }

  /// The most that a record holds (RFC 8446 5.1).
  private static let recordOctets = 16_384
  /// The most that a record takes on the wire (RFC 5246 6.2.3).
  public static let wireRecordOctets = 5 + recordOctets + 2048

  /// Gives octets for the wire out, behind those that are in `wire`.
  public func takeWire(_ wire: inout [UInt8]) {
    let pending = unsafe Int(BIO_ctrl_pending(outgoing))
    guard pending > 0 else { return }
    let start = wire.count
    wire.append(contentsOf: repeatElement(0, count: pending))
    let count = unsafe wire.withUnsafeMutableBytes { buffer in
      unsafe BIO_read(outgoing, buffer.baseAddress! + start, Int32(pending))
    }
    precondition(Int(count) == pending, "a memory BIO gives what it has")
  }

  /// Tells the other side that nothing more comes. Nothing is told where that has failed already.
  public func close() {
    guard failure == nil else { return }
    ERR_clear_error()
    _ = unsafe SSL_shutdown(session)
    ERR_clear_error()
  }

  private func fail(_ failure: TLSFailure) -> TLSFailure {
    self.failure = failure
    return failure
  }
}
