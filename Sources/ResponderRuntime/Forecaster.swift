import CalendarTime
import OCSP
import Responder
import Synchronization

/// Looks once a minute whether every place keeps up with its renewals, and says so in the log and in `forecasts` before
/// anything ends.
final class Forecaster {
  // Used by the refresher's thread alone.
  private static let everyNanoseconds: Int64 = 60_000_000_000
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  /// Monotonic nanoseconds.
  private var nextLook = Int64.min
  private var warned: [String: String] = [:]
  private var wasSigning: [Bool] = []

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
  }

  func lookIfDue() throws(StoreError) {
    let directory = runtime.directory
    let isSigning = directory.places.indices.map { runtime.queue.condition(place: $0).isSigning }
    // A place that stops or starts signing changes everything at once.
    let now = runtime.clock.monotonicNanoseconds()
    guard now >= nextLook || isSigning != wasSigning else { return }
    wasSigning = isSigning
    nextLook = now + Forecaster.everyNanoseconds
    let forecasts = try forecasts(directory, isSigning)
    runtime.forecasts.withLock { $0 = forecasts }
    for forecast in forecasts { tell(forecast) }
  }

  private func forecasts(_ directory: IssuerDirectory, _ isSigning: [Bool]) throws(StoreError) -> [RenewalForecast] {
    let now = runtime.clock.now()
    let rates = directory.places.indices.map { place in
      rate(directory.places[place], number: place, isSigning: isSigning[place])
    }
    var demands: [[RenewalForecast.Demand]] = directory.places.map { _ in [] }
    for issuer in directory.issuers.issuers where !issuer.isRetired && issuer.progress.areAnswersLoaded {
      let places = directory.placesOfIssuers[Int(issuer.index.value)]
      // Where a token is down, the next one carries its issuers.
      guard let place = places.first(where: { isSigning[$0] }) ?? places.first else { continue }
      demands[place].append(try demand(issuer, rate: rates[place], now: now))
    }
    return directory.places.indices.filter { !demands[$0].isEmpty }.map { place in
      RenewalForecast(
        place: directory.places[place].name, demands: demands[place], signaturesPerSecond: rates[place], now: now)
    }
  }

  private func demand(_ issuer: Issuer, rate: Double?, now: UnixTime) throws(StoreError) -> RenewalForecast.Demand {
    let (storeID, policy) = (issuer.storeID, issuer.policy)
    var demand = RenewalForecast.Demand(issuer: issuer.name)
    let ended = try session.endings(issuer: storeID, after: UnixTime(seconds: 0), until: now)
    demand.ended = ended
    runtime.endedAnswers.withLock { $0[issuer.index] = ended }
    demand.nextHour = try session.renewals(issuer: storeID, until: now.advanced(bySeconds: 3600))
    demand.lag = try session.firstRenewal(issuer: storeID).map { max(0, now.seconds(since: $0)) } ?? 0
    demand.toleratedLag = max(60, (policy.validitySeconds - policy.refreshAgeSeconds) / 16)
    demand.firstEnd = try session.firstEnd(issuer: storeID, after: now)
    // Counting millions takes a while: not where the place could renew them all within the first of the times anyway.
    let most = Double(runtime.issued.count * HashAlgorithm.allCases.count)
    if let rate, most <= rate * Double(RenewalForecast.horizons[0]) { return demand }
    var (start, count) = (now, 0)
    for horizon in RenewalForecast.horizons where horizon < policy.validitySeconds {
      let end = now.advanced(bySeconds: horizon)
      count += try session.endings(issuer: storeID, after: start, until: end)
      start = end
      demand.endings.append(RenewalForecast.Ending(within: horizon, count: count))
    }
    return demand
  }

  /// Signatures a second that the place gives for renewals; nil until some were made.
  private func rate(_ place: SigningPlace, number: Int, isSigning: Bool) -> Double? {
    guard isSigning else { return 0 }
    guard let call = runtime.placeCounters(number).callNanoseconds else { return nil }
    let condition = runtime.queue.condition(place: number)
    let threads = max(1, place.threads - condition.restingThreads)
    let measured = Double(threads) * 1_000_000_000 / Double(call)
    return place.renewalsPerSecond.map { min(Double($0), measured) } ?? measured
  }

  private func tell(_ forecast: RenewalForecast) {
    // The numbers in it change every minute: only a new kind of trouble is news.
    let kind = forecast.warnings.map { String($0.prefix(forecast.place.count + 12)) }.joined()
    if warned[forecast.place, default: ""] != kind {
      if forecast.isKeepingUp { runtime.log.info("\(forecast.place) keeps up with its renewals again") }
      for warning in forecast.warnings { runtime.log.warning(warning) }
    }
    warned[forecast.place] = kind
  }
}
