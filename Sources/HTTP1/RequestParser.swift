/// Parses the head of one request (RFC 9112 2 to 6). Pure: no state between calls.
public enum RequestParser {
  /// Bounds; what is over them is refused.
  public struct Limits: Sendable, Hashable {
    /// Octets of the whole head.
    public var headBytes: Int
    /// Octets of the request target.
    public var targetBytes: Int

    public init(headBytes: Int = 8192, targetBytes: Int = 8000) {
      self.headBytes = headBytes
      self.targetBytes = targetBytes
    }
  }

  /// A parsed head and how many octets it took, the empty line included.
  public struct Result: Sendable {
    public var head: RequestHead
    public var count: Int
  }

  /// Parses the head at the beginning of `octets`.
  ///
  /// - Returns: nil where the head is not complete yet and may still become one.
  public static func parse(_ octets: Span<UInt8>, limits: Limits) throws(HTTPError) -> Result? {
    var lines: HeadLines
    var head: RequestHead
    if let plain = RequestLine.plain(octets, limits: limits) {
      head = plain.head
      lines = HeadLines(octets, start: plain.end)
    } else {
      lines = HeadLines(octets, start: emptyLinesAtStart(octets))
      guard let requestLine = try lines.next() else {
        // Without its line end the request line is all target, as far as anybody can tell.
        if octets.count > limits.targetBytes + 64 { throw .targetTooLong }
        return try incomplete(octets, limits)
      }
      head = try RequestLine.parse(octets, requestLine, limits: limits)
    }
    var fields = HeaderFields()
    while true {
      guard let line = try lines.next() else { return try incomplete(octets, limits) }
      if line.isEmpty { break }
      try fields.take(octets, line, &head)
    }
    guard lines.position <= limits.headBytes else { throw .headTooLarge }
    try fields.finish(octets, &head)
    return Result(head: head, count: lines.position)
  }

  /// Whether the request that begins there is a HEAD, as far as can be told of one that is refused (RFC 9110 9.3.2: the
  /// answer has no body).
  public static func isHead(_ octets: Span<UInt8>) -> Bool {
    let start = emptyLinesAtStart(octets)
    return octets.count >= start + 5 && HeaderFields.equals(octets, start..<start + 5, "HEAD ")
  }

  /// Whether `octets` may hold the end of a head that earlier calls have not seen: where `from` octets were looked at
  /// already, a slow sender costs no second parse for each octet.
  public static func mayHoldEnd(_ octets: Span<UInt8>, from: Int) -> Bool {
    var index = max(0, from - 3)
    while index < octets.count {
      if octets[index] == 0x0A {
        if index + 1 < octets.count, octets[index + 1] == 0x0A { return true }
        if index + 2 < octets.count, octets[index + 1] == 0x0D, octets[index + 2] == 0x0A { return true }
      }
      index += 1
    }
    return octets.count > 4096
  }

  private static func incomplete(_ octets: Span<UInt8>, _ limits: Limits) throws(HTTPError) -> Result? {
    if octets.count >= limits.headBytes { throw .headTooLarge }
    return nil
  }

  /// Empty lines before a request are skipped (RFC 9112 2.2); a few, not any number.
  private static func emptyLinesAtStart(_ octets: Span<UInt8>) -> Int {
    var index = 0
    while index < 4, let end = endOfEmptyLine(octets, at: index) { index = end }
    return index
  }

  /// Where an empty line that begins at `index` ends; nil where none does, or its end has not come yet.
  public static func endOfEmptyLine(_ octets: Span<UInt8>, at index: Int) -> Int? {
    guard index < octets.count else { return nil }
    if octets[index] == 0x0A { return index + 1 }
    guard octets[index] == 0x0D, index + 1 < octets.count, octets[index + 1] == 0x0A else { return nil }
    return index + 2
  }
}

/// The lines of a head, without their ends. A lone LF ends a line too (RFC 9112 2.2); a lone CR is refused.
private struct HeadLines: ~Escapable {
  private let octets: Span<UInt8>
  private(set) var position: Int

  @_lifetime(copy octets)
  init(_ octets: Span<UInt8>, start: Int) {
    self.octets = octets
    position = start
  }

  /// Nil where the line has no end yet.
  mutating func next() throws(HTTPError) -> Range<Int>? {
    let start = position
    let count = octets.count
    var index = start
    while true {
      index = OctetScan.firstControl(octets, index..<count)
      guard index < count else { return nil }
      switch octets[index] {
      case 0x0A:
        position = index + 1
        return start..<index
      case 0x0D:
        guard index + 1 < count else { return nil }
        guard octets[index + 1] == 0x0A else { throw .badRequest(.bareCarriageReturn) }
        position = index + 2
        return start..<index
      case 0x09: index += 1
      default: throw .badRequest(.headerValue)
      }
    }
  }
}
