/// Base64 of RFC 4648 section 4, as keys and signatures are written: with padding, and nothing around it.
enum Base64Text {
  /// Nil for anything else.
  static func decode(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard !digits.isEmpty, digits.count.isMultiple(of: 4) else { return nil }
    let padding = digits.suffix(2).count { $0 == UInt8(ascii: "=") }
    var octets: [UInt8] = []
    octets.reserveCapacity(digits.count / 4 * 3)
    for start in stride(from: 0, to: digits.count, by: 4) {
      let isLast = start + 4 == digits.count
      var group: UInt32 = 0
      for place in 0..<4 {
        if isLast, place >= 4 - padding {
          group <<= 6
        } else {
          guard let value = value(digits[start + place]) else { return nil }
          group = group << 6 | value
        }
      }
      // Bits that stand for nothing are zero: else two texts would be the same signature.
      if isLast, padding > 0, group & (padding == 1 ? 0xFF : 0xFFFF) != 0 { return nil }
      for shift in [16, 8, 0].prefix(isLast ? 3 - padding : 3) {
        octets.append(UInt8(truncatingIfNeeded: group >> shift))
      }
    }
    return octets
  }

  private static func value(_ digit: UInt8) -> UInt32? {
    switch digit {
    case 0x41...0x5A: UInt32(digit) - 0x41
    case 0x61...0x7A: UInt32(digit) - 0x61 + 26
    case 0x30...0x39: UInt32(digit) - 0x30 + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
  }
}
