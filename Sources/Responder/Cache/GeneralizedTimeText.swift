import CalendarTime

/// The fifteen octets of a GeneralizedTime in DER, `20261231235959Z`, in memory that somebody else owns (RFC 5280
/// 4.1.2.5.2).
enum GeneralizedTimeText {
  static let count = 15

  /// Writes the time. Outside the years 0 to 9999, which no answer has, the octets stay as they are.
  static func write(_ time: UnixTime, to target: UnsafeMutablePointer<UInt8>) {
    guard let civil = CivilTime(time) else { return }
    unsafe writePair(civil.year / 100, target)
    unsafe writePair(civil.year % 100, target + 2)
    unsafe writePair(civil.month, target + 4)
    unsafe writePair(civil.day, target + 6)
    unsafe writePair(civil.hour, target + 8)
    unsafe writePair(civil.minute, target + 10)
    unsafe writePair(civil.second, target + 12)
    unsafe target[14] = UInt8(ascii: "Z")
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

  private static func writePair(_ value: Int, _ target: UnsafeMutablePointer<UInt8>) {
    let (tens, ones) = UInt32(truncatingIfNeeded: value).quotientAndRemainder(dividingBy: 10)
    unsafe target[0] = 0x30 &+ UInt8(truncatingIfNeeded: tens)
    unsafe target[1] = 0x30 &+ UInt8(truncatingIfNeeded: ones)
  }
}
