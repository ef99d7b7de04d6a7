import Testing

@testable import CalendarTime

@Suite("Days of ten thousand years")
struct EveryDayTests {
  @Test("the ends of months, and one more day of each year, come back from their dates; days of the week go on")
  func days() throws {
    // Counted by this test alone, year by year.
    var newYear = UnixTime(seconds: -62_167_219_200)
    for year in 0..<10_000 {
      let isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
      let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      var days: [(Int, Int, Int)] = []
      var dayOfYear = 0
      for (place, length) in lengths.enumerated() {
        if place < 3 || place == 11 {
          days += [(place + 1, 1, dayOfYear), (place + 1, length, dayOfYear + length - 1)]
        } else if place == 3 + year % 8 {
          days.append((place + 1, 1 + year % 30, dayOfYear + year % 30))
        }
        dayOfYear += length
      }
      for (month, day, number) in days {
        let second = (year &* 7919 &+ day &* 104_729) % 86_400
        let time = newYear.advanced(bySeconds: Int64(number * 86_400 + second))
        let civil = try #require(CivilTime(time))
        let clock = (second / 3600, second % 3600 / 60, second % 60)
        let isRight =
          (civil.year, civil.month, civil.day) == (year, month, day)
          && (civil.hour, civil.minute, civil.second) == clock && civil.unixTime == time
          // The first of January of the year 0 was a Saturday.
          && CivilTime.dayOfWeek(time) == Int((newYear.seconds + 62_167_219_200) / 86_400 + Int64(number) + 6) % 7
        if !isRight { #expect(isRight, "\(year)-\(month)-\(day) is \(civil)") }
      }
      newYear = newYear.advanced(bySeconds: Int64(dayOfYear * 86_400))
    }
    #expect(newYear == UnixTime.endOfTime.advanced(bySeconds: 1) && CivilTime(newYear) == nil)
    #expect(CivilTime(UnixTime(seconds: -62_167_219_201)) == nil)
    #expect(CivilTime(UnixTime(seconds: .min)) == nil && CivilTime(UnixTime(seconds: .max)) == nil)
  }
}
