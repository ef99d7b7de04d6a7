import CalendarTime
import Responder
import TestSupport
import Testing

@Suite("Forecast of renewals")
struct RenewalForecastTests {
  private func forecast(
    rate: Double?, lag: Int64 = 0, ended: Int = 0, nextHour: Int = 0, endings: [(Int64, Int)] = [],
    firstEnd: Int64? = nil
  ) -> RenewalForecast {
    var demand = RenewalForecast.Demand(issuer: "web")
    (demand.lag, demand.toleratedLag, demand.ended, demand.nextHour) = (lag, 600, ended, nextHour)
    demand.endings = endings.map { RenewalForecast.Ending(within: $0.0, count: $0.1) }
    demand.firstEnd = firstEnd.map { Sample.start.advanced(bySeconds: $0) }
    return RenewalForecast(place: "token 'a'", demands: [demand], signaturesPerSecond: rate, now: Sample.start)
  }

  @Test("a place that keeps up is not warned of, nor is one of which nothing is known")
  func quiet() {
    #expect(forecast(rate: 10, nextHour: 36_000).isKeepingUp)
    #expect(forecast(rate: nil, nextHour: 1_000_000).isKeepingUp)
    #expect(forecast(rate: 10, endings: [(3600, 36_000), (14_400, 144_000)]).isKeepingUp)
    #expect(forecast(rate: 10, nextHour: 5).needed == 5 && forecast(rate: 10).given == 36_000)
  }

  @Test("more to sign in the next hour than the place gives is told with both numbers and the issuers")
  func behind() {
    let warning = forecast(rate: 10, nextHour: 36_001).warnings.joined()
    for word in ["token 'a'", "36001", "36000", "web: 36001"] { #expect(warning.contains(word), "\(warning)") }
  }

  @Test("answers that will end before they can be renewed are told of with the time")
  func tooLate() {
    let warning = forecast(rate: 1, endings: [(3600, 3600), (14_400, 20_000)]).warnings.joined()
    #expect(warning.contains("20000 answers end by \(Sample.start.advanced(bySeconds: 14_400).iso8601)"), "\(warning)")
  }

  @Test("a place that is down is told of with the time at which the first answer ends")
  func down() {
    let warning = forecast(rate: 0, firstEnd: 7200).warnings.joined()
    #expect(warning.contains("signs nothing") && warning.contains(Sample.start.advanced(bySeconds: 7200).iso8601))
    #expect(!forecast(rate: 0).isKeepingUp)
  }

  @Test("renewals that are late are told of whatever the cause, and so is what has ended")
  func late() {
    #expect(forecast(rate: 1000, lag: 600).isKeepingUp)
    let warning = forecast(rate: 1000, lag: 660, firstEnd: 7200).warnings.joined()
    for word in ["late", "'web'", "11 minutes", Sample.start.advanced(bySeconds: 7200).iso8601] {
      #expect(warning.contains(word), "\(warning)")
    }
    #expect(forecast(rate: nil, ended: 3).warnings.joined().contains("3 answers of 'web'"))
  }
}
