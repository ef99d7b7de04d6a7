/// A date and time of day of the proleptic Gregorian calendar in UTC.
public struct CivilTime: Sendable, Hashable {
  /// Years 0 to 9999: what four digits can write.
  public var year: Int
  /// 1 to 12.
  public var month: Int
  /// 1 to 31.
  public var day: Int
  /// 0 to 23.
  public var hour: Int
  /// 0 to 59.
  public var minute: Int
  /// 0 to 59; leap seconds are not written by any of our formats.
  public var second: Int

  /// The civil time, or nil where a field is out of its range (a 30 February, an hour 24).
  public init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    guard (0...9999).contains(year), (1...12).contains(month), (0...23).contains(hour), (0...59).contains(minute),
      (0...59).contains(second), day >= 1, day <= CivilTime.daysIn(month: month, year: year)
    else { return nil }
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
  }

  /// The civil time of `time`, or nil outside the years 0 to 9999.
  public init?(_ time: UnixTime) {
    guard CivilTime.possibleSeconds.contains(time.seconds) else { return nil }
    // Days are counted from a first of March 400 years before the year 0, so that none is negative and the leap day is
    // the last day of its year: in eras of 400 years, centuries, and years.
    let shifted = UInt64(bitPattern: time.seconds &+ CivilTime.secondsFromMarch)
    let secondOfDay = UInt32(truncatingIfNeeded: shifted % 86_400)
    let days = UInt32(truncatingIfNeeded: shifted / 86_400)
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra &- dayOfEra / 1460 &+ dayOfEra / 36_524 &- dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
    let monthFromMarch = (5 &* dayOfYear &+ 2) / 153
    let isNextYear = monthFromMarch >= 10
    year = Int(yearOfEra &+ era &* 400) &- 400 &+ (isNextYear ? 1 : 0)
    month = Int(isNextYear ? monthFromMarch &- 9 : monthFromMarch &+ 3)
    day = Int(dayOfYear &- (153 &* monthFromMarch &+ 2) / 5 &+ 1)
    hour = Int(secondOfDay / 3600)
    minute = Int(secondOfDay % 3600 / 60)
    second = Int(secondOfDay % 60)
  }

  /// The years 0 to 9999.
  private static let possibleSeconds = Int64(-62_167_219_200)...UnixTime.endOfTime.seconds
  /// From a first of March 400 years before the year 0 to 1970.
  private static let secondsFromMarch = Int64(719_468 + 146_097) * 86_400

  /// Seconds since the epoch.
  public var unixTime: UnixTime {
    let shiftedYear = Int64(month <= 2 ? year - 1 : year)
    let era = shiftedYear.flooredDivision(by: 400)
    let yearOfEra = shiftedYear - era * 400
    let monthFromMarch = Int64(month > 2 ? month - 3 : month + 9)
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + Int64(day) - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return UnixTime(seconds: days * 86_400 + Int64(hour * 3600 + minute * 60 + second))
  }

  /// 0 for Sunday to 6 for Saturday.
  public var dayOfWeek: Int { CivilTime.dayOfWeek(unixTime) }

  /// The same for a time in the years 0 to 9999.
  public static func dayOfWeek(_ time: UnixTime) -> Int {
    Int(UInt64(bitPattern: time.seconds &+ secondsFromMarch) / 86_400 % 7 + 3) % 7
  }

  static func daysIn(month: Int, year: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

extension Int64 {
  fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
