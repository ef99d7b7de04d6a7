import CalendarTime

/// The fifteen octets of a GeneralizedTime in DER, `20261231235959Z`, in memory that somebody else owns (RFC 5280
/// 4.1.2.5.2).
enum GeneralizedTimeText {
  static let count = 15

  /// Writes the time. Outside the years 0 to 9999, which no answer has, the octets stay as they are.
  static func write(_ time: UnixTime, to target: UnsafeMutablePointer<UInt8>) {
    guard let civil = CivilTime(time) else { return }
    let (century, year) = UInt64(truncatingIfNeeded: civil.year).quotientAndRemainder(dividingBy: 100)
    let date = digits(
      century | year << 16 | UInt64(truncatingIfNeeded: civil.month) << 32 | UInt64(truncatingIfNeeded: civil.day) << 48
    )
    let time = digits(
      UInt64(truncatingIfNeeded: civil.hour) | UInt64(truncatingIfNeeded: civil.minute) << 16
        | UInt64(truncatingIfNeeded: civil.second) << 32)
    let end = UnsafeMutableRawPointer(target)
    unsafe end.storeBytes(of: date.littleEndian, as: UInt64.self)
    // Over the last digit of the date, which is written again.
    let last = date >> 56 | time << 8 & 0x00FF_FFFF_FFFF_FF00 | 0x5A << 56
    unsafe end.storeBytes(of: last.littleEndian, toByteOffset: 7, as: UInt64.self)
  }

  /// The digits of four numbers below 100, both from the lowest octets on.
  @inline(__always)
  private static func digits(_ numbers: UInt64) -> UInt64 {
    // Of a number below 100 that many 1024ths are a tenth, rounded down.
    let tens = (numbers &* 103) >> 10 & 0x000F_000F_000F_000F
    return (tens | (numbers &- tens &* 10) << 8) | 0x3030_3030_3030_3030
  }

  /// Reads what `write` has written; nil for anything else.
  static func read(_ source: UnsafePointer<UInt8>) -> UnixTime? {
    var fields = InlineArray<7, Int>(repeating: 0)
    for index in 0..<7 {
      let tens = unsafe source[2 * index] &- 0x30
      let ones = unsafe source[2 * index + 1] &- 0x30
      guard tens <= 9, ones <= 9 else { return nil }
      fields[index] = Int(tens) * 10 + Int(ones)
    }
    guard unsafe source[14] == UInt8(ascii: "Z") else { return nil }
    return CivilTime(
      year: fields[0] * 100 + fields[1], month: fields[2], day: fields[3], hour: fields[4], minute: fields[5],
      second: fields[6]
    )?.unixTime
  }
}
