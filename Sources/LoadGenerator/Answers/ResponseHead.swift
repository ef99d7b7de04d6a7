import Glibc

/// The head of an HTTP answer, as far as a client of OCSP needs it (RFC 9112 4, 5, 6).
///
/// Header lines in any order and case; a bare LF ends a line too, as many servers were forgiven for (RFC 9112 2.2). Parsing
/// allocates nothing.
struct ResponseHead: Sendable, Hashable {
  /// Where the body ends (RFC 9112 6.3).
  enum Body: Sendable, Hashable {
    case none
    case length(Int)
    case chunked
    /// With the connection.
    case untilClose
  }

  /// Why something is no head of an HTTP answer.
  enum Problem: Error, Sendable, Hashable {
    case notHTTP
    case contentLength
    case tooLong
  }

  var status = 0
  var body = Body.untilClose
  /// Whether the connection takes another request.
  var keepsConnection = true
  var isOCSPType = false
  /// Octets of the head, the empty line included.
  var count = 0

  /// Octets that a head may have.
  static let maximumBytes = 32 << 10

  /// The head at the beginning of `octets`; nil where its end has not come yet.
  static func parse(_ octets: Span<UInt8>) throws(Problem) -> ResponseHead? {
    try mustBeginWithVersion(octets)
    guard var line = nextLine(octets, from: 0) else {
      if octets.count >= maximumBytes { throw .tooLong }
      return nil
    }
    var head = ResponseHead()
    let isHTTP10 = try head.takeStatusLine(octets, line.content)
    var fields = FramingFields()
    while true {
      guard let next = nextLine(octets, from: line.end) else {
        if octets.count >= maximumBytes { throw .tooLong }
        return nil
      }
      line = next
      if line.content.isEmpty { break }
      try head.takeField(octets, line.content, &fields)
    }
    head.count = line.end
    head.keepsConnection = fields.saysClose ? false : (isHTTP10 ? fields.saysKeepAlive : true)
    head.decideBody(fields)
    return head
  }

  private struct FramingFields {
    var length: Int?
    var isChunked = false
    var saysClose = false
    var saysKeepAlive = false
  }

  private mutating func decideBody(_ fields: FramingFields) {
    if status < 200 || status == 204 || status == 304 {
      body = .none
    } else if fields.isChunked {
      body = .chunked
    } else if let length = fields.length {
      body = .length(length)
    } else {
      body = .untilClose
      keepsConnection = false
    }
  }

  /// What can never become a status line is told at the first octet that is wrong.
  private static func mustBeginWithVersion(_ octets: Span<UInt8>) throws(Problem) {
    let version: InlineArray<7, UInt8> = [0x48, 0x54, 0x54, 0x50, 0x2F, 0x31, 0x2E]
    for index in 0..<min(7, octets.count) where octets[index] != version[index] { throw .notHTTP }
  }

  /// A line without its end, and where the next one begins; nil where its end has not come.
  private static func nextLine(_ octets: Span<UInt8>, from start: Int) -> (content: Range<Int>, end: Int)? {
    guard let index = octets.firstLineFeed(from: start) else { return nil }
    let hasReturn = index > start && octets[index - 1] == 0x0D
    return (start..<(hasReturn ? index - 1 : index), index + 1)
  }

  /// `HTTP/1.1 200 OK`, with or without words. Whether it is HTTP/1.0.
  private mutating func takeStatusLine(_ octets: Span<UInt8>, _ line: Range<Int>) throws(Problem) -> Bool {
    let start = line.lowerBound
    guard line.count >= 12, octets[start + 7] == 0x30 || octets[start + 7] == 0x31, octets[start + 8] == 0x20 else {
      throw .notHTTP
    }
    for index in start + 9..<start + 12 {
      let digit = octets[index] &- 0x30
      guard digit <= 9 else { throw .notHTTP }
      status = status * 10 + Int(digit)
    }
    guard status >= 100, line.count == 12 || octets[start + 12] == 0x20 else { throw .notHTTP }
    return octets[start + 7] == 0x30
  }

  private mutating func takeField(
    _ octets: Span<UInt8>, _ line: Range<Int>, _ fields: inout FramingFields
  ) throws(Problem) {
    // Only names with these first letters are of any concern; an answer has a dozen others.
    let first = octets[line.lowerBound] | 0x20
    var colon = line.lowerBound
    while colon < line.upperBound, octets[colon] != 0x3A { colon += 1 }
    guard colon < line.upperBound, colon > line.lowerBound else { throw .notHTTP }
    guard first == 0x63 || first == 0x74 else { return }
    let name = line.lowerBound..<colon
    switch name.count {
    case 10 where octets.isWord("connection", name):
      let value = octets.trimmed(colon + 1..<line.upperBound)
      fields.saysClose = fields.saysClose || octets.listHas("close", value)
      fields.saysKeepAlive = fields.saysKeepAlive || octets.listHas("keep-alive", value)
    case 12 where octets.isWord("content-type", name):
      var value = octets.trimmed(colon + 1..<line.upperBound)
      // Parameters mean nothing for this type.
      if let semicolon = octets.first(0x3B, in: value) { value = octets.trimmed(value.lowerBound..<semicolon) }
      isOCSPType = octets.isWord("application/ocsp-response", value)
    case 14 where octets.isWord("content-length", name):
      guard let length = octets.decimal(octets.trimmed(colon + 1..<line.upperBound)),
        fields.length == nil || fields.length == length
      else { throw .contentLength }
      fields.length = length
    case 17 where octets.isWord("transfer-encoding", name):
      fields.isChunked = octets.listHas("chunked", octets.trimmed(colon + 1..<line.upperBound))
    default: break
    }
  }
}

extension Span<UInt8> {
  /// Where the next LF is. A head is searched for these from end to end: memchr looks at many octets at once.
  fileprivate func firstLineFeed(from start: Int) -> Int? {
    unsafe withUnsafeBufferPointer { buffer in
      guard start < buffer.count, let base = buffer.baseAddress,
        let found = unsafe memchr(base + start, 0x0A, buffer.count - start)
      else { return nil }
      return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
  }

  /// Whether these octets are that word of lower-case letters, in any case.
  fileprivate func isWord(_ word: StaticString, _ range: Range<Int>) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    for offset in 0..<range.count {
      var octet = self[range.lowerBound + offset]
      if octet >= 0x41, octet <= 0x5A { octet |= 0x20 }
      guard unsafe octet == word.utf8Start[offset] else { return false }
    }
    return true
  }

  fileprivate func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
    while start < end, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
    return start..<end
  }

  fileprivate func first(_ octet: UInt8, in range: Range<Int>) -> Int? {
    for index in range where self[index] == octet { return index }
    return nil
  }

  /// Whether a comma-separated list has the word.
  fileprivate func listHas(_ word: StaticString, _ range: Range<Int>) -> Bool {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = first(0x2C, in: start..<range.upperBound) ?? range.upperBound
      if isWord(word, trimmed(start..<end)) { return true }
      start = end + 1
    }
    return false
  }

  fileprivate func decimal(_ range: Range<Int>) -> Int? {
    guard !range.isEmpty, range.count <= 15 else { return nil }
    var value = 0
    for index in range {
      let digit = self[index] &- 0x30
      guard digit <= 9 else { return nil }
      value = value * 10 + Int(digit)
    }
    return value
  }
}
