import EventLoop
import TLS

/// What waits to be sent on one connection: plain octets, and behind TLS (if any) octets of the wire.
struct OutputBuffer {
  /// The buffers keep no more memory than this for the next burst.
  private static let keptOctets = 2 << 20
  /// Shorter ones are copied: many of them go out with one call.
  private static let adoptedOctets = 64 << 10

  private var plain: [UInt8] = []
  private var wire: [UInt8] = []
  private var wireStart = 0
  /// Whether the octets that wait are somebody else's array: adding to them would copy all of it.
  private var isAdopted = false
  private var isWireAdopted = false

  /// All that was taken for the wire has gone out.
  var isWireEmpty: Bool { wireStart == wire.count }
  /// Whether more may be added before this has gone out.
  func hasRoom(of limit: Int) -> Bool { plain.count < limit && !isAdopted }

  mutating func append(_ octets: [UInt8]) {
    if plain.isEmpty, octets.count >= OutputBuffer.adoptedOctets {
      // It is not copied to stand behind nothing.
      plain = octets
      isAdopted = true
    } else {
      plain += octets
      isAdopted = false
    }
  }

  /// Takes all that waits for the wire, which must be empty. False where there is nothing to send.
  ///
  /// - Parameter takesPlain: false before the end of a handshake.
  mutating func fillWire(_ tls: TLSSession?, takesPlain: Bool) throws(TLSFailure) -> Bool {
    wireStart = 0
    OutputBuffer.empty(&wire, isAdopted: isWireAdopted)
    isWireAdopted = false
    if let tls {
      if takesPlain, !plain.isEmpty {
        try tls.write(plain.span)
        OutputBuffer.empty(&plain, isAdopted: isAdopted)
        isAdopted = false
      }
      tls.takeWire(&wire)
    } else {
      swap(&wire, &plain)
      swap(&isWireAdopted, &isAdopted)
    }
    return !wire.isEmpty
  }

  // An array that somebody else has too would be made anew, as large as it was.
  private static func empty(_ octets: inout [UInt8], isAdopted: Bool) {
    octets.removeAll(keepingCapacity: !isAdopted && octets.capacity <= keptOctets)
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
