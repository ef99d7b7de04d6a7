/// The grammar of a Host field, and of an authority without userinfo (RFC 9110 4.2.4, 7.2): `uri-host [ ":" port ]`.
enum HostField {
  /// Whether the octets are a host and perhaps a port. Nothing at all is a host too: a target without an authority has
  /// it (RFC 9112 3.2).
  static func isValid(_ octets: Span<UInt8>, _ value: Range<Int>) -> Bool {
    var end = value.lowerBound
    if end < value.upperBound, octets[end] == 0x5B {
      while end < value.upperBound, octets[end] != 0x5D { end += 1 }
      guard end < value.upperBound, isLiteral(octets, value.lowerBound + 1..<end) else { return false }
      end += 1
    } else {
      end = endOfName(octets, value)
    }
    return end == value.upperBound || (octets[end] == 0x3A && isPort(octets, end + 1..<value.upperBound))
  }

  /// Where the reg-name at the beginning of `range` ends (RFC 3986 3.2.2); IPv4 addresses are among them.
  private static func endOfName(_ octets: Span<UInt8>, _ range: Range<Int>) -> Int {
    // All of most names.
    var index = OctetScan.endOfPlainName(octets, range)
    while index < range.upperBound {
      if isNameCharacter(octets[index]) {
        index += 1
      } else if octets[index] == 0x25, index + 2 < range.upperBound, HexDigit.value(octets[index + 1]) != nil,
        HexDigit.value(octets[index + 2]) != nil
      {
        index += 3
      } else {
        break
      }
    }
    return index
  }

  /// unreserved and sub-delims of RFC 3986 2.2 and 2.3.
  private static func isNameCharacter(_ octet: UInt8) -> Bool {
    // A bit for each character of ASCII: !$&'()*+,-. 0-9 ;= and then A-Z _ a-z ~
    let bits: UInt64 = octet < 0x40 ? 0x2BFF_7FD2_0000_0000 : octet < 0x80 ? 0x47FF_FFFE_87FF_FFFE : 0
    return bits >> UInt64(octet & 0x3F) & 1 != 0
  }

  /// RFC 3986 lets a port be empty, and of any length; none is beyond 16 bits.
  private static func isPort(_ octets: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var port: UInt32 = 0
    var index = range.lowerBound
    while index < range.upperBound {
      let digit = octets[index] &- 0x30
      port = port &* 10 &+ UInt32(digit)
      guard digit < 10, port < 1 << 16 else { return false }
      index &+= 1
    }
    return true
  }

  /// What stands between the brackets of an IP-literal: IPvFuture or IPv6address (RFC 3986 3.2.2). No zone: that is of
  /// one machine's interest (RFC 9844).
  private static func isLiteral(_ octets: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard let first = range.first, octets[first] | 0x20 == 0x76 else { return isIPv6(octets, range) }
    var index = first + 1
    while index < range.upperBound, HexDigit.value(octets[index]) != nil { index += 1 }
    guard index > first + 1, index + 1 < range.upperBound, octets[index] == 0x2E else { return false }
    for place in index + 1..<range.upperBound where !isNameCharacter(octets[place]) && octets[place] != 0x3A {
      return false
    }
    return true
  }

  /// Eight groups of up to four hexadecimal digits; `::` once for one or more of them, an IPv4 address for the last
  /// two.
  private static func isIPv6(_ octets: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var groups = 0
    var index = range.lowerBound
    var hasGap = false
    if range.count >= 2, octets[index] == 0x3A, octets[index + 1] == 0x3A {
      hasGap = true
      index += 2
    }
    while index < range.upperBound || groups == 0 && !hasGap {
      let start = index
      while index < range.upperBound, HexDigit.value(octets[index]) != nil { index += 1 }
      if index < range.upperBound, octets[index] == 0x2E {
        guard isIPv4(octets, start..<range.upperBound) else { return false }
        groups += 2
        break
      }
      guard index > start, index - start <= 4, groups < 8 else { return false }
      groups += 1
      if index == range.upperBound { break }
      guard octets[index] == 0x3A, index + 1 < range.upperBound else { return false }
      index += 1
      if octets[index] == 0x3A {
        guard !hasGap else { return false }
        hasGap = true
        index += 1
      }
    }
    return hasGap ? groups < 8 : groups == 8
  }

  /// Four numbers up to 255 without leading zeros.
  private static func isIPv4(_ octets: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var numbers = 0
    var index = range.lowerBound
    while true {
      let start = index
      var number = 0
      while index < range.upperBound, octets[index] &- 0x30 < 10, index - start < 3 {
        number = number * 10 + Int(octets[index] &- 0x30)
        index += 1
      }
      guard index > start, number < 256, index - start == 1 || octets[start] != 0x30 else { return false }
      numbers += 1
      if index == range.upperBound { return numbers == 4 }
      guard numbers < 4, octets[index] == 0x2E else { return false }
      index += 1
    }
  }
}
