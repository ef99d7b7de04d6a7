/// Takes the chunked transfer coding off a request body (RFC 9112 7.1), however the octets come in pieces.
///
/// Chunk extensions and trailers are read over and dropped; both are bounded. Only CRLF ends a line here: servers that
/// differ about where a chunk ends can be made to differ about where the next request begins.
public struct ChunkedDecoder: Sendable {
  private enum State: Sendable {
    case size(digits: Int)
    /// White space between a size and its extension, which the grammar has for old times' sake (RFC 9112 7.1.1).
    case sizeSpace
    case sizeExtension
    case sizeEnd
    case data
    case dataCarriageReturn
    case dataEnd
    case trailerStart
    case trailerName
    case trailerValue
    case trailerLineEnd
    case end
    case done
  }

  private static let maximumOverhead = 4096
  private let maximumBytes: Int
  private var state = State.size(digits: 0)
  private var remaining = 0
  private var overhead = 0
  private var total = 0

  /// - Parameter maximumBytes: octets of content; more is `bodyTooLarge`.
  public init(maximumBytes: Int) {
    self.maximumBytes = maximumBytes
  }

  public var isDone: Bool {
    if case .done = state { true } else { false }
  }

  /// Decodes what is there.
  ///
  /// - Parameter body: the content is appended here.
  /// - Returns: how many octets were used; fewer than all only where the body has ended.
  public mutating func decode(_ octets: Span<UInt8>, into body: inout [UInt8]) throws(HTTPError) -> Int {
    var index = 0
    while index < octets.count, !isDone {
      if case .data = state {
        let count = min(remaining, octets.count - index)
        for offset in index..<index + count { body.append(octets[offset]) }
        index += count
        remaining -= count
        if remaining == 0 { state = .dataCarriageReturn }
        continue
      }
      overhead += 1
      // Each chunk of content pays for its own size line; the rest is extensions and trailers.
      guard overhead <= ChunkedDecoder.maximumOverhead + total * 8 else { throw .badRequest(.chunk) }
      try step(octets[index])
      index += 1
    }
    return index
  }

  private mutating func step(_ octet: UInt8) throws(HTTPError) {
    switch state {
    case .size(let digits): try stepSize(octet, digits)
    case .sizeSpace: try stepSizeSpace(octet)
    case .sizeExtension:
      if octet == 0x0D { state = .sizeEnd } else { try refuseControl(octet) }
    case .sizeEnd:
      try expect(octet, 0x0A)
      state = remaining == 0 ? .trailerStart : .data
    case .dataCarriageReturn:
      try expect(octet, 0x0D)
      state = .dataEnd
    case .dataEnd:
      try expect(octet, 0x0A)
      state = .size(digits: 0)
    case .trailerStart:
      if octet == 0x0D {
        state = .end
      } else {
        state = .trailerName
        try refuseAllButToken(octet)
      }
    case .trailerName:
      if octet == 0x3A { state = .trailerValue } else { try refuseAllButToken(octet) }
    case .trailerValue:
      if octet == 0x0D { state = .trailerLineEnd } else { try refuseControl(octet) }
    case .trailerLineEnd:
      try expect(octet, 0x0A)
      state = .trailerStart
    case .end:
      try expect(octet, 0x0A)
      state = .done
    case .data, .done: break
    }
  }

  private mutating func stepSize(_ octet: UInt8, _ digits: Int) throws(HTTPError) {
    if let value = HexDigit.value(octet) {
      guard digits < 16, remaining < 1 << 48 else { throw .bodyTooLarge }
      remaining = remaining << 4 | Int(value)
      state = .size(digits: digits + 1)
      return
    }
    guard digits > 0 else { throw .badRequest(.chunk) }
    guard total + remaining <= maximumBytes else { throw .bodyTooLarge }
    total += remaining
    switch octet {
    case 0x0D: state = .sizeEnd
    default: try stepSizeSpace(octet)
    }
  }

  private mutating func stepSizeSpace(_ octet: UInt8) throws(HTTPError) {
    switch octet {
    case 0x3B: state = .sizeExtension
    case 0x20, 0x09: state = .sizeSpace
    default: throw .badRequest(.chunk)
    }
  }

  private func expect(_ octet: UInt8, _ wanted: UInt8) throws(HTTPError) {
    guard octet == wanted else { throw .badRequest(.chunk) }
  }

  /// A trailer is a field line (RFC 9112 7.1.2): its name is a token.
  private func refuseAllButToken(_ octet: UInt8) throws(HTTPError) {
    guard HeaderFields.isTokenCharacter(octet) else { throw .badRequest(.chunk) }
  }

  private func refuseControl(_ octet: UInt8) throws(HTTPError) {
    guard octet >= 0x20 || octet == 0x09, octet != 0x7F else { throw .badRequest(.chunk) }
  }
}

enum HexDigit {
  /// 0 to 15, or nil for anything but a hexadecimal digit of either case.
  static func value(_ octet: UInt8) -> UInt8? {
    switch octet {
    case 0x30...0x39: octet - 0x30
    case 0x41...0x46: octet - 0x41 + 10
    case 0x61...0x66: octet - 0x61 + 10
    default: nil
    }
  }
}
