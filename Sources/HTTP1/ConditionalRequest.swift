public import CalendarTime

/// Whether a GET or HEAD is answered with 304 (RFC 9110 13.2.2).
public enum ConditionalRequest {
  /// - Parameters:
  ///   - octets: the request's head.
  ///   - entityTag: the current tag without its quotes.
  public static func isNotModified(
    _ head: RequestHead, _ octets: Span<UInt8>, entityTag: Span<UInt8>, lastModified: UnixTime, now: UnixTime
  ) -> Bool {
    guard head.isGetOrHead else { return false }
    if head.ifNoneMatch.count > 0 {
      if head.ifNoneMatch.count == 1, isStar(octets, head.ifNoneMatch[0]) { return true }
      for index in 0..<head.ifNoneMatch.count where matches(octets, head.ifNoneMatch[index], entityTag) { return true }
      return false
    }
    guard let range = head.ifModifiedSince, let since = HTTPDate.parse(octets, in: range, now: now) else {
      return false
    }
    // A date in the future means nothing (RFC 9110 13.1.3 leaves it to the server; a wrong clock must not hide news).
    return lastModified <= since && since <= now
  }

  /// Whatever the tag is: alone, since it is no member of a list.
  private static func isStar(_ octets: Span<UInt8>, _ value: Range<Int>) -> Bool {
    value.count == 1 && octets[value.lowerBound] == 0x2A
  }

  /// One line of a list of tags with or without `W/`; compared weakly (RFC 9110 13.1.2).
  private static func matches(_ octets: Span<UInt8>, _ value: Range<Int>, _ tag: Span<UInt8>) -> Bool {
    var index = value.lowerBound
    while index < value.upperBound {
      // Between tags: commas, white space and W/ are passed over; a tag begins with its quote.
      guard octets[index] == 0x22 else {
        index += 1
        continue
      }
      let start = index + 1
      var end = start
      while end < value.upperBound, octets[end] != 0x22 { end += 1 }
      guard end < value.upperBound else { return false }
      if equals(octets, start..<end, tag) { return true }
      index = end + 1
    }
    return false
  }

  private static func equals(_ octets: Span<UInt8>, _ range: Range<Int>, _ other: Span<UInt8>) -> Bool {
    guard range.count == other.count else { return false }
    for index in 0..<other.count where octets[range.lowerBound + index] != other[index] { return false }
    return true
  }
}
