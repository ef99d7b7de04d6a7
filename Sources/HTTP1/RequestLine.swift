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

  /// The request line that nearly all clients send, GET or POST of a path, with its line end: by one look at each octet.
  ///
  /// - Returns: nil for every other one, well formed or not: `parse` knows more.
  static func plain(_ octets: Span<UInt8>, limits: RequestParser.Limits) -> (head: RequestHead, end: Int)? {
    // The shortest one is `GET / HTTP/1.1` and a line end.
    guard octets.count >= 16 else { return nil }
    let first = unsafe UInt32(littleEndian: octets.bytes.unsafeLoadUnaligned(as: UInt32.self))
    var start = 4
    var method = RequestMethod.get
    if first == 0x5453_4F50 {
      guard octets[4] == 0x20 else { return nil }
      (start, method) = (5, .post)
    } else if first != 0x2054_4547 {
      return nil
    }
    guard octets[start] == 0x2F else { return nil }
    let end = OctetScan.endOfVisible(octets, start..<octets.count)
    guard end - start <= limits.targetBytes, end + 11 <= octets.count else { return nil }
    // ` HTTP/1.` and a digit, which is 0 or 1, and the line end.
    let version = unsafe UInt64(littleEndian: octets.bytes.unsafeLoadUnaligned(fromByteOffset: end, as: UInt64.self))
    guard version == 0x2E31_2F50_5454_4820, octets[end + 8] & 0xFE == 0x30, octets[end + 9] == 0x0D,
      octets[end + 10] == 0x0A
    else { return nil }
    let minorVersion = octets[end + 8] & 1
    let head = RequestHead(
      method: method, minorVersion: minorVersion, target: start..<end, keepsAlive: minorVersion == 1)
    return (head, end + 11)
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
