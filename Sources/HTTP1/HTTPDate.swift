public import CalendarTime

/// Dates as HTTP writes them (RFC 9110 5.6.7).
public enum HTTPDate {
  /// `Tue, 02 Apr 2024 12:37:47 GMT`: 29 octets, stored inline.
  public struct Text: Sendable {
    public private(set) var octets = InlineArray<29, UInt8>(repeating: 0x20)

    /// The IMF-fixdate of a time; outside the years 0 to 9999 the nearest that can be written.
    public init(_ time: UnixTime) {
      var span = octets.mutableSpan
      unsafe span.withUnsafeMutableBufferPointer { target in
        if let start = target.baseAddress { unsafe HTTPDate.write(time, to: start) }
      }
    }
  }

  /// Writes the 29 octets of a time's IMF-fixdate; outside the years 0 to 9999 those of the nearest that can be written.
  public static func write(_ time: UnixTime, to target: UnsafeMutablePointer<UInt8>) {
    let earliest = UnixTime(seconds: -62_167_219_200)
    let time = min(max(time, earliest), .endOfTime)
    guard let civil = CivilTime(time) else { return }
    let text: StaticString = "Sun, 00 Jan 0000 00:00:00 GMT"
    let days: StaticString = "SunMonTueWedThuFriSat"
    let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
    unsafe target.update(from: text.utf8Start, count: 29)
    unsafe target.update(from: days.utf8Start + CivilTime.dayOfWeek(time) * 3, count: 3)
    unsafe putDigits(civil.day, target + 5)
    unsafe (target + 8).update(from: months.utf8Start + (civil.month - 1) * 3, count: 3)
    unsafe putDigits(civil.year / 100, target + 12)
    unsafe putDigits(civil.year % 100, target + 14)
    unsafe putDigits(civil.hour, target + 17)
    unsafe putDigits(civil.minute, target + 20)
    unsafe putDigits(civil.second, target + 23)
  }

  @inline(__always)
  private static func putDigits(_ value: Int, _ target: UnsafeMutablePointer<UInt8>) {
    let (tens, ones) = UInt32(truncatingIfNeeded: value).quotientAndRemainder(dividingBy: 10)
    unsafe target[0] = 0x30 &+ UInt8(truncatingIfNeeded: tens)
    unsafe target[1] = 0x30 &+ UInt8(truncatingIfNeeded: ones)
  }

  /// Reads any of the three forms: IMF-fixdate, RFC 850's and asctime's. Nil for anything else.
  ///
  /// - Parameter now: two-digit years more than 50 years ahead of it are in the century before.
  public static func parse(_ octets: Span<UInt8>, in range: Range<Int>, now: UnixTime) -> UnixTime? {
    let fields = Fields(octets, range)
    guard let comma = fields.firstComma else { return fields.asctime() }
    return comma == 3 ? fields.fixdate() : fields.rfc850(comma: comma, now: now)
  }

  private struct Fields: ~Escapable {
    let octets: Span<UInt8>
    let start: Int
    let count: Int

    @_lifetime(copy octets)
    init(_ octets: Span<UInt8>, _ range: Range<Int>) {
      self.octets = octets
      start = range.lowerBound
      count = range.count
    }

    var firstComma: Int? { (0..<min(count, 12)).first { octets[start + $0] == 0x2C } }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    func fixdate() -> UnixTime? {
      guard count == 29, isText(" ", 4), isText(" ", 7), isText(" ", 11), isText(" ", 16), isText(" GMT", 25) else {
        return nil
      }
      return time(year: number(12, 4), month: month(8), day: number(5, 2), clock: 17)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    func rfc850(comma: Int, now: UnixTime) -> UnixTime? {
      guard count == comma + 24, isText(" ", comma + 1), isText("-", comma + 4), isText("-", comma + 8),
        isText(" ", comma + 11), isText(" GMT", comma + 20), let short = number(comma + 9, 2),
        let present = CivilTime(now)?.year
      else { return nil }
      var year = present - present % 100 + short
      if year > present + 50 { year -= 100 }
      return time(year: year, month: month(comma + 5), day: number(comma + 2, 2), clock: comma + 12)
    }

    /// `Sun Nov  6 08:49:37 1994`
    func asctime() -> UnixTime? {
      guard count == 24, isText(" ", 3), isText(" ", 7), isText(" ", 10), isText(" ", 19) else { return nil }
      let day = isText(" ", 8) ? number(9, 1) : number(8, 2)
      return time(year: number(20, 4), month: month(4), day: day, clock: 11)
    }

    private func time(year: Int?, month: Int?, day: Int?, clock: Int) -> UnixTime? {
      guard let year, let month, let day, let hour = number(clock, 2), isText(":", clock + 2),
        let minute = number(clock + 3, 2), isText(":", clock + 5), let second = number(clock + 6, 2)
      else { return nil }
      // A leap second is the second before it, as far as comparing goes.
      return CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: min(second, 59))?
        .unixTime
    }

    private func number(_ place: Int, _ digits: Int) -> Int? {
      var value = 0
      for index in place..<place + digits {
        let digit = octets[start + index] &- 0x30
        guard digit < 10 else { return nil }
        value = value * 10 + Int(digit)
      }
      return value
    }

    private func month(_ place: Int) -> Int? {
      let names: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
      for month in 0..<12 {
        let isSame = (0..<3).allSatisfy { unsafe octets[start + place + $0] == names.utf8Start[month * 3 + $0] }
        if isSame { return month + 1 }
      }
      return nil
    }

    private func isText(_ text: StaticString, _ place: Int) -> Bool {
      HeaderFields.equals(octets, start + place..<start + place + text.utf8CodeUnitCount, text)
    }
  }
}
