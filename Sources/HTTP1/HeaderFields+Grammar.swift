extension HeaderFields {
  /// tchar of RFC 9110 5.6.2.
  static func isTokenCharacter(_ octet: UInt8) -> Bool {
    switch octet {
    case 0x61...0x7A, 0x41...0x5A, 0x2D, 0x30...0x39: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
    default: false
    }
  }

  /// Without white space at both ends (RFC 9110 5.6.3).
  static func trimmed(_ octets: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, octets[start] == 0x20 || octets[start] == 0x09 { start += 1 }
    while end > start, octets[end - 1] == 0x20 || octets[end - 1] == 0x09 { end -= 1 }
    return start..<end
  }

  static func equals(_ octets: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    let expected = unsafe text.utf8Start
    for index in 0..<range.count where unsafe octets[range.lowerBound + index] != expected[index] { return false }
    return true
  }

  /// Whether the octets are `text`, which is in lower case, whatever their own case.
  static func equals(_ octets: Span<UInt8>, _ range: Range<Int>, lowercased text: StaticString) -> Bool {
    range.count == text.utf8CodeUnitCount && hasPrefix(octets, range, lowercased: text)
  }

  /// The same for a name that is a token already (RFC 9110 5.6.2) and a text of letters and hyphens, at least four of them:
  /// of the octets that differ from those in the bit of the case alone, none can be in a token.
  @inline(__always)
  static func isName(_ octets: Span<UInt8>, _ name: Range<Int>, _ text: StaticString) -> Bool {
    name.count == text.utf8CodeUnitCount && begins(octets, name, text)
  }

  /// Whether a line of a head begins with a text of letters, hyphens and colons in lower case, at least four of them, whatever
  /// its own case: of the octets that differ from those in the bit of the case alone, none can be in a line (RFC 9110 5.5).
  @inline(__always)
  static func begins(_ octets: Span<UInt8>, _ line: Range<Int>, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard line.count >= count, line.lowerBound >= 0, line.upperBound <= octets.count, count >= 4 else { return false }
    return unsafe octets.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      let (name, text) = unsafe (base + line.lowerBound, UnsafeRawPointer(text.utf8Start))
      var place = 0
      while place + 4 < count {
        guard unsafe isSame(name + place, text + place) else { return false }
        place += 4
      }
      // The last four, some of which may have been compared already.
      return unsafe isSame(name + count - 4, text + count - 4)
    }
  }

  @inline(__always)
  private static func isSame(_ octets: UnsafeRawPointer, _ text: UnsafeRawPointer) -> Bool {
    unsafe octets.loadUnaligned(as: UInt32.self) | 0x2020_2020 == text.loadUnaligned(as: UInt32.self)
  }

  static func hasPrefix(_ octets: Span<UInt8>, _ range: Range<Int>, lowercased text: StaticString) -> Bool {
    guard range.count >= text.utf8CodeUnitCount else { return false }
    let expected = unsafe text.utf8Start
    for index in 0..<text.utf8CodeUnitCount {
      var octet = octets[range.lowerBound + index]
      if octet >= 0x41, octet <= 0x5A { octet |= 0x20 }
      if unsafe octet != expected[index] { return false }
    }
    return true
  }

  /// The next member of a comma-separated list (RFC 9110 5.6.1), empty ones left out; `rest` moves behind it.
  static func nextListMember(_ octets: Span<UInt8>, _ rest: inout Range<Int>) -> Range<Int>? {
    while !rest.isEmpty {
      var end = rest.lowerBound
      while end < rest.upperBound, octets[end] != 0x2C { end += 1 }
      let member = trimmed(octets, rest.lowerBound..<end)
      rest = min(end + 1, rest.upperBound)..<rest.upperBound
      if !member.isEmpty { return member }
    }
    return nil
  }
}
