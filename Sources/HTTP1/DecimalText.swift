/// Numbers in decimal digits, in memory that somebody else owns.
public enum DecimalText {
  /// Octets that `write` may touch: what the largest number has.
  public static let room = 20

  /// Writes a number without leading zeros, and may write over what stands behind it within `room` octets.
  ///
  /// - Returns: how many digits it has.
  public static func write(_ number: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
    guard number >= 10_000 else {
      let digits = fourDigits(UInt32(truncatingIfNeeded: number))
      // The last one stands, be it zero.
      let zeros = (digits | 1 << 24).trailingZeroBitCount & ~7
      unsafe put((digits | 0x3030_3030) &>> UInt32(truncatingIfNeeded: zeros), target)
      return 4 &- zeros >> 3
    }
    let (higher, last) = number.quotientAndRemainder(dividingBy: 10_000)
    let count = unsafe write(higher, to: target)
    unsafe put(fourDigits(UInt32(truncatingIfNeeded: last)) | 0x3030_3030, target + count)
    return count &+ 4
  }

  /// The digits of a number below 10,000, as numbers; the first one is the lowest octet.
  @inline(__always)
  private static func fourDigits(_ number: UInt32) -> UInt32 {
    let hundreds = number / 100
    let pairs = hundreds | (number &- hundreds &* 100) &<< 16
    // Of a number below 100 that many 1024ths are a tenth, rounded down.
    let tens = (pairs &* 103) &>> 10 & 0x000F_000F
    return tens | (pairs &- tens &* 10) &<< 8
  }

  @inline(__always)
  private static func put(_ digits: UInt32, _ target: UnsafeMutablePointer<UInt8>) {
    unsafe UnsafeMutableRawPointer(target).storeBytes(of: digits.littleEndian, as: UInt32.self)
  }
}
