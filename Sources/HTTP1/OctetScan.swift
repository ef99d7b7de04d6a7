/// Searches that look at eight octets at a time: every octet of a request passes through them.
public enum OctetScan {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  /// The offset of the first octet of `range` below 0x20; the end of the range where there is none.
  @inline(__always)
  static func firstControl(_ octets: Span<UInt8>, _ range: Range<Int>) -> Int {
    first(octets, range, { below($0, 0x20) }, { $0 < 0x20 })
  }

  /// The same for the first octet that a request target does not have (RFC 9112 3.2): blanks, controls, and what is not ASCII.
  @inline(__always)
  static func endOfVisible(_ octets: Span<UInt8>, _ range: Range<Int>) -> Int {
    first(octets, range, { below($0, 0x21) | (($0 &+ ones) | $0) & highs }, { $0 <= 0x20 || $0 >= 0x7F })
  }

  /// The same for the first octet that is one of two.
  @inline(__always)
  public static func first(_ one: UInt8, or other: UInt8, in octets: Span<UInt8>, _ range: Range<Int>) -> Int {
    let (all, others) = (ones &* UInt64(one), ones &* UInt64(other))
    return first(octets, range, { below($0 ^ all, 1) | below($0 ^ others, 1) }, { $0 == one || $0 == other })
  }

  /// The same for the first octet that is no letter, digit, hyphen or dot.
  @inline(__always)
  static func endOfPlainName(_ octets: Span<UInt8>, _ range: Range<Int>) -> Int {
    first(octets, range, { otherThanPlain($0) }, { !isPlain($0) })
  }

  private static func isPlain(_ octet: UInt8) -> Bool {
    (octet | 0x20) &- 0x61 < 26 || octet &- 0x30 < 10 || octet == 0x2D || octet == 0x2E
  }

  @inline(__always)
  private static func otherThanPlain(_ word: UInt64) -> UInt64 {
    // Of ASCII octets: each of these bounds begins what is wanted, or ends it.
    let (ascii, letters) = (word & ~highs, word & ~highs | ones &* 0x20)
    let isLetter = (letters &+ ones &* (0x80 - 0x61)) ^ (letters &+ ones &* (0x80 - 0x7B))
    let isHyphenOrDot = (ascii &+ ones &* (0x80 - 0x2D)) ^ (ascii &+ ones &* (0x80 - 0x2F))
    let isDigit = (ascii &+ ones &* (0x80 - 0x30)) ^ (ascii &+ ones &* (0x80 - 0x3A))
    return (~(isLetter ^ isHyphenOrDot ^ isDigit) | word) & highs
  }

  /// The high bit of each octet that is below `limit`, up to and with the first one; what is above that one means nothing.
  @inline(__always)
  private static func below(_ word: UInt64, _ limit: UInt64) -> UInt64 {
    (word &- ones &* limit) & ~word & highs
  }

  /// - Parameters:
  ///   - mask: has the high bit of the first wanted octet as its lowest bit, and is 0 where none is wanted.
  ///   - isWanted: the same for one octet.
  @inline(__always)
  private static func first(
    _ octets: Span<UInt8>, _ range: Range<Int>, _ mask: (UInt64) -> UInt64, _ isWanted: (UInt8) -> Bool
  ) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= octets.count)
    return unsafe octets.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return range.upperBound }
      var index = range.lowerBound
      // Two words at a time.
      while index &+ 16 <= range.upperBound {
        let (low, high) = unsafe (mask(word(base, index)), mask(word(base, index &+ 8)))
        if low != 0 { return index &+ low.trailingZeroBitCount >> 3 }
        if high != 0 { return index &+ 8 &+ high.trailingZeroBitCount >> 3 }
        index &+= 16
      }
      if index &+ 8 <= range.upperBound {
        let found = unsafe mask(word(base, index))
        if found != 0 { return index &+ found.trailingZeroBitCount >> 3 }
        index &+= 8
      }
      while index < range.upperBound, unsafe !isWanted(base.load(fromByteOffset: index, as: UInt8.self)) { index += 1 }
      return index
    }
  }

  @inline(__always)
  private static func word(_ base: UnsafeRawPointer, _ place: Int) -> UInt64 {
    unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: place, as: UInt64.self))
  }
}
