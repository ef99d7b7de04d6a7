import TLS

/// What a worker has for TLS, and only where its server speaks it: a session for each connection.
@safe
final class TLSConnections {
  private let context: ServerTLSContext
  /// Indexed by descriptor.
  private var connections: [TLSConnection?]
  /// Where every receive lands: one record, so that no session keeps more than that for its connection.
  let wire: UnsafeMutableRawBufferPointer

  init(_ context: ServerTLSContext, tableCount: Int) {
    self.context = context
    connections = Array(repeating: nil, count: tableCount)
    unsafe wire = .allocate(byteCount: TLSSession.wireRecordOctets, alignment: 16)
  }

  deinit {
    unsafe wire.deallocate()
  }

  subscript(descriptor: Int32) -> TLSConnection? { connections[Int(descriptor)] }

  func begin(_ descriptor: Int32) throws(TLSFailure) {
    connections[Int(descriptor)] = TLSConnection(session: try TLSSession(context))
  }

  func end(_ descriptor: Int32) {
    connections[Int(descriptor)] = nil
  }
}

/// TLS of one connection.
final class TLSConnection {
  let session: TLSSession
  /// Whether anything at all has come: what only looks whether the port is open has not failed at anything.
  var hasBegun = false
  /// Octets of the wire to be sent, from `outputStart` on.
  var output: [UInt8] = []
  var outputStart = 0

  /// Whether the client has sent more than was read.
  var hasUnread: Bool { session.hasUnread }

  init(session: TLSSession) {
    self.session = session
  }
}
