/// The first line of a request (RFC 9112 3).
enum RequestLine {
  static func parse(
    _ octets: Span<UInt8>, _ line: Range<Int>, limits: RequestParser.Limits
  ) throws(HTTPError) -> RequestHead {
    var index = line.lowerBound
    while index < line.upperBound, HeaderFields.isTokenCharacter(octets[index]) { index += 1 }
    let method = line.lowerBound..<index
    guard !method.isEmpty, index < line.upperBound, octets[index] == 0x20 else { throw .badRequest(.requestLine) }
    let targetStart = index + 1
    index = OctetScan.endOfVisible(octets, targetStart..<line.upperBound)
    let target = targetStart..<index
    guard target.count <= limits.targetBytes else { throw .targetTooLong }
    guard !target.isEmpty, index < line.upperBound, octets[index] == 0x20 else { throw .badRequest(.requestLine) }
    let minorVersion = try minorVersion(octets, index + 1..<line.upperBound)
    let kind = try self.method(octets, method)
    return RequestHead(
      method: kind, minorVersion: minorVersion, target: try path(octets, target, kind), keepsAlive: minorVersion == 1)
  }

  private static func minorVersion(_ octets: Span<UInt8>, _ range: Range<Int>) throws(HTTPError) -> UInt8 {
    let start = range.lowerBound
    guard range.count == 8, octets[start] == 0x48, octets[start + 1] == 0x54, octets[start + 2] == 0x54,
      octets[start + 3] == 0x50, octets[start + 4] == 0x2F, octets[start + 6] == 0x2E,
      isDigit(octets[start + 5]), isDigit(octets[start + 7])
    else { throw .badRequest(.requestLine) }
    guard octets[start + 5] == 0x31 else { throw .unknownVersion }
    // A higher minor version is answered as 1.1 (RFC 9110 2.5).
    return octets[start + 7] == 0x30 ? 0 : 1
  }

  private static func isDigit(_ octet: UInt8) -> Bool { octet &- 0x30 < 10 }

  private static func method(_ octets: Span<UInt8>, _ range: Range<Int>) throws(HTTPError) -> RequestMethod {
    switch range.count {
    case 3 where HeaderFields.equals(octets, range, "GET"): return .get
    case 4 where HeaderFields.equals(octets, range, "POST"): return .post
    case 4 where HeaderFields.equals(octets, range, "HEAD"): return .head
    case 7 where HeaderFields.equals(octets, range, "OPTIONS"): return .options
    default:
      guard isKnown(octets, range) else { throw .unknownMethod }
      return .other
    }
  }

  private static func isKnown(_ octets: Span<UInt8>, _ method: Range<Int>) -> Bool {
    HeaderFields.equals(octets, method, "PUT") || HeaderFields.equals(octets, method, "DELETE")
      || HeaderFields.equals(octets, method, "CONNECT") || HeaderFields.equals(octets, method, "TRACE")
      || HeaderFields.equals(octets, method, "PATCH")
  }

  /// The path of an origin-form target, or of an absolute-form one (RFC 9112 3.2).
  private static func path(
    _ octets: Span<UInt8>, _ target: Range<Int>, _ method: RequestMethod
  ) throws(HTTPError) -> Range<Int> {
    if octets[target.lowerBound] == 0x2F { return target }
    if target.count == 1, octets[target.lowerBound] == 0x2A {
      guard method == .options else { throw .badRequest(.target) }
      return target
    }
    // CONNECT's authority, and whatever else: the method is refused, not the target.
    if method == .other { return target.upperBound..<target.upperBound }
    var start = target.lowerBound
    if HeaderFields.hasPrefix(octets, target, lowercased: "http://") {
      start += 7
    } else if HeaderFields.hasPrefix(octets, target, lowercased: "https://") {
      start += 8
    } else {
      throw .badRequest(.target)
    }
    let authority = start
    while start < target.upperBound, octets[start] != 0x2F, octets[start] != 0x3F { start += 1 }
    // An http URL without a host is none (RFC 9110 4.2.1), nor may there be userinfo (4.2.4).
    guard start > authority, octets[authority] != 0x3A, HostField.isValid(octets, authority..<start) else {
      throw .badRequest(.target)
    }
    return start..<target.upperBound
  }
}
