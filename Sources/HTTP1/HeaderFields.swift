/// What the codings of all Transfer-Encoding lines come to so far.
private enum TransferCoding {
  case none
  /// The last one is not chunked: the body has no end that could be known (RFC 9112 6.3).
  case endless
  case chunked
  /// Not the grammar of a coding, or chunked twice, before another one or with a parameter (RFC 9112 6.1, 7.1).
  case malformed
}

/// Takes the header lines of one request in, and decides at the end what they mean together.
struct HeaderFields {
  private var hostCount = 0
  private var isHostValid = true
  private var contentLength: Int?
  private var coding = TransferCoding.none
  private var hasUnknownCoding = false
  private var wantsClose = false
  private var wantsKeepAlive = false
  private var hasUnknownExpectation = false
  private var modifiedSinceCount = 0

  mutating func take(_ octets: Span<UInt8>, _ line: Range<Int>, _ head: inout RequestHead) throws(HTTPError) {
    // What nearly every request has is told by its first octets.
    if HeaderFields.begins(octets, line, "host:") {
      takeHost(octets, HeaderFields.trimmed(octets, line.lowerBound + 5..<line.upperBound))
      return
    }
    if HeaderFields.begins(octets, line, "content-length:") {
      try takeContentLength(octets, HeaderFields.trimmed(octets, line.lowerBound + 15..<line.upperBound))
      return
    }
    // Whatever it says, it is the handler's.
    if HeaderFields.begins(octets, line, "content-type:") { return }
    try takeOther(octets, line, &head)
  }

  private mutating func takeOther(
    _ octets: Span<UInt8>, _ line: Range<Int>, _ head: inout RequestHead
  ) throws(HTTPError) {
    var index = line.lowerBound
    if octets[index] == 0x20 || octets[index] == 0x09 { throw .badRequest(.foldedHeader) }
    while index < line.upperBound, HeaderFields.isTokenCharacter(octets[index]) { index += 1 }
    let name = line.lowerBound..<index
    guard !name.isEmpty, index < line.upperBound, octets[index] == 0x3A else { throw .badRequest(.headerName) }
    let value = HeaderFields.trimmed(octets, index + 1..<line.upperBound)
    // The length of the name tells nearly all of them apart without looking at it.
    switch name.count {
    case 6 where HeaderFields.isName(octets, name, "expect"):
      if HeaderFields.equals(octets, value, lowercased: "100-continue") {
        head.expectsContinue = true
      } else {
        hasUnknownExpectation = true
      }
    case 10 where HeaderFields.isName(octets, name, "connection"): takeConnection(octets, value)
    case 13 where HeaderFields.isName(octets, name, "if-none-match"): head.ifNoneMatch.append(value)
    case 17 where HeaderFields.isName(octets, name, "transfer-encoding"):
      takeTransferEncoding(octets, value)
    case 17 where HeaderFields.isName(octets, name, "if-modified-since"):
      modifiedSinceCount += 1
      head.ifModifiedSince = modifiedSinceCount == 1 ? value : nil
    default: break
    }
  }

  func finish(_ octets: Span<UInt8>, _ head: inout RequestHead) throws(HTTPError) {
    if head.minorVersion == 1 {
      guard hostCount == 1, isHostValid else { throw .badRequest(.host) }
    } else {
      // HTTP/1.0 clients send odd ones or none (standards, quirk 11); two are a sign of smuggling all the same.
      guard hostCount <= 1 else { throw .badRequest(.host) }
      head.expectsContinue = false
    }
    if coding != .none {
      guard head.minorVersion == 1, contentLength == nil, coding == .chunked else {
        throw .badRequest(.transferEncoding)
      }
      guard !hasUnknownCoding else { throw .unknownTransferCoding }
      head.framing = .chunked
    } else if let contentLength, contentLength > 0 {
      head.framing = .length(contentLength)
    }
    if hasUnknownExpectation, head.minorVersion == 1 { throw .unknownExpectation }
    if head.minorVersion == 0 { head.keepsAlive = wantsKeepAlive }
    if wantsClose { head.keepsAlive = false }
  }

  // MARK: - Single fields

  private mutating func takeHost(_ octets: Span<UInt8>, _ value: Range<Int>) {
    hostCount += 1
    isHostValid = isHostValid && HostField.isValid(octets, value)
  }

  private mutating func takeConnection(_ octets: Span<UInt8>, _ value: Range<Int>) {
    var rest = value
    while let token = HeaderFields.nextListMember(octets, &rest) {
      if HeaderFields.equals(octets, token, lowercased: "close") { wantsClose = true }
      if HeaderFields.equals(octets, token, lowercased: "keep-alive") { wantsKeepAlive = true }
    }
  }

  private mutating func takeContentLength(_ octets: Span<UInt8>, _ value: Range<Int>) throws(HTTPError) {
    guard !value.isEmpty else { throw .badRequest(.contentLength) }
    var number = 0
    for index in value {
      let digit = octets[index] &- 0x30
      guard digit < 10 else { throw .badRequest(.contentLength) }
      // Far beyond every limit: the exact number no longer matters, only that it does not overflow.
      number = number > 1 << 48 ? number : number * 10 + Int(digit)
    }
    guard contentLength == nil || contentLength == number else { throw .badRequest(.contentLength) }
    contentLength = number
  }

  private mutating func takeTransferEncoding(_ octets: Span<UInt8>, _ value: Range<Int>) {
    if coding == .none { coding = .endless }
    var rest = value
    while let member = HeaderFields.nextListMember(octets, &rest) {
      var end = member.lowerBound
      while end < member.upperBound, HeaderFields.isTokenCharacter(octets[end]) { end += 1 }
      let parameters = HeaderFields.trimmed(octets, end..<member.upperBound)
      let hasParameters = !parameters.isEmpty
      guard coding == .endless, end > member.lowerBound, !hasParameters || octets[parameters.lowerBound] == 0x3B else {
        coding = .malformed
        return
      }
      if HeaderFields.equals(octets, member.lowerBound..<end, lowercased: "chunked") {
        coding = hasParameters ? .malformed : .chunked
      } else {
        hasUnknownCoding = true
      }
    }
  }
}
