import CalendarTime
import Testing

@Suite("Civil time")
struct CivilTimeTests {
  @Test("known instants convert both ways")
  func knownInstants() throws {
    let known: [(Int64, String)] = [
      (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_712_061_467, "2024-04-02T12:37:47Z"),
      (-1, "1969-12-31T23:59:59Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
      (-62_167_219_200, "0000-01-01T00:00:00Z"),
    ]
    for (seconds, text) in known {
      #expect(UnixTime(seconds: seconds).iso8601 == text)
      #expect(UnixTime(iso8601: text) == UnixTime(seconds: seconds))
    }
  }

  @Test("every day of eight hundred years goes there and back, and weekdays follow each other")
  func everyDay() throws {
    var weekday: Int?
    for day in Int64(-141_428)...Int64(150_000) {
      let time = UnixTime(seconds: day * 86_400 + 43_261)
      let civil = try #require(CivilTime(time))
      #expect(civil.unixTime == time)
      if let weekday { #expect(civil.dayOfWeek == (weekday + 1) % 7) }
      weekday = civil.dayOfWeek
    }
  }

  @Test(
    "dates that do not exist are refused",
    arguments: [
      "2023-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "2024-01-01T24:00:00Z", "2024-01-01T10:00:00+01:00",
      "2024-1-1", "",
    ])
  func impossible(text: String) {
    #expect(UnixTime(iso8601: text) == nil)
  }

  @Test("times at the ends of what an Int64 holds stay there, and have no civil time")
  func extremes() {
    let (first, last) = (UnixTime(seconds: .min), UnixTime(seconds: .max))
    #expect(last.advanced(bySeconds: 1) == last && last.advanced(bySeconds: .max) == last)
    #expect(first.advanced(bySeconds: -1) == first && first.advanced(bySeconds: .min) == first)
    #expect(last.advanced(bySeconds: -1) == UnixTime(seconds: .max - 1))
    #expect(last.seconds(since: first) == .max && first.seconds(since: last) == .min)
    #expect(last.seconds(since: last) == 0)
    for time in [first, last, UnixTime.endOfTime.advanced(bySeconds: 1), UnixTime(seconds: -62_167_219_201)] {
      #expect(CivilTime(time) == nil && time.iso8601.hasSuffix("s since 1970"))
    }
  }
}
