import EventLoop

/// What waits to be sent on one connection: plain octets, and behind TLS (if any) octets of the wire.
struct OutputBuffer {
  /// The buffers keep no more memory than this for the next burst.
  private static let keptOctets = 2 << 20

  private var plain: [UInt8] = []
  private var wire: [UInt8] = []
  private var wireStart = 0

  /// Plain octets alone.
  var count: Int { plain.count }
  /// All that was taken for the wire has gone out.
  var isWireEmpty: Bool { wireStart == wire.count }

  mutating func append(_ octets: [UInt8]) {
    plain += octets
  }

  /// Takes all that waits for the wire, which must be empty. False where there is nothing to send.
  ///
  /// - Parameter takesPlain: false before the end of a handshake.
  mutating func fillWire(_ tls: TLSSession?, takesPlain: Bool) throws(TLSSession.Failure) -> Bool {
    wireStart = 0
    wire.removeAll(keepingCapacity: wire.capacity <= OutputBuffer.keptOctets)
    if let tls {
      if takesPlain, !plain.isEmpty {
        try tls.write(plain)
        plain.removeAll(keepingCapacity: plain.capacity <= OutputBuffer.keptOctets)
      }
      tls.takeWire(&wire)
    } else {
      swap(&wire, &plain)
    }
    return !wire.isEmpty
  }

  /// One call of `send`.
  mutating func send(to descriptor: Int32) -> Linux.Transfer {
    let transfer = unsafe wire.withUnsafeBytes { buffer in
      unsafe Linux.send(descriptor, UnsafeRawBufferPointer(rebasing: buffer[wireStart...]))
    }
    if case .bytes(let count) = transfer { wireStart += count }
    return transfer
  }

  mutating func removeAll() {
    self = OutputBuffer()
  }
}
