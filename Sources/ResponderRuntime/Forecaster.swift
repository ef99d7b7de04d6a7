import CalendarTime
import EventLoop
import Responder
import Synchronization

/// Looks once a minute whether every place keeps up with its renewals, and says so in the log and in `forecasts` before
/// anything ends.
final class Forecaster {
  // Used by the refresher's thread alone.
  private static let everyMilliseconds: Int64 = 60_000
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private var nextLook = MonotonicTime(nanoseconds: 0)
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
    guard MonotonicTime.now() >= nextLook || isSigning != wasSigning else { return }
    wasSigning = isSigning
    nextLook = MonotonicTime.now().advanced(byMilliseconds: Forecaster.everyMilliseconds)
    let forecasts = try forecasts(directory, isSigning)
    runtime.forecasts.withLock { $0 = forecasts }
    for forecast in forecasts { tell(forecast) }
  }

  private func forecasts(_ directory: IssuerDirectory, _ isSigning: [Bool]) throws(StoreError) -> [RenewalForecast] {
    let now = runtime.clock.now()
    var demands: [[RenewalForecast.Demand]] = directory.places.map { _ in [] }
    for issuer in directory.issuers.issuers where !issuer.isRetired && issuer.progress.areAnswersLoaded {
      let places = directory.placesOfIssuers[Int(issuer.index.value)]
      // Where a token is down, the next one carries its issuers.
      guard let place = places.first(where: { isSigning[$0] }) ?? places.first else { continue }
      demands[place].append(try demand(issuer, now: now))
    }
    return directory.places.indices.filter { !demands[$0].isEmpty }.map { place in
      RenewalForecast(
        place: directory.places[place].name, demands: demands[place],
        signaturesPerSecond: rate(directory.places[place], number: place, isSigning: isSigning[place]), now: now)
    }
  }

  private func demand(_ issuer: Issuer, now: UnixTime) throws(StoreError) -> RenewalForecast.Demand {
    var endings: [RenewalForecast.Ending] = []
    let ended = try session.endings(issuer: issuer.storeID, until: now)
    for horizon in RenewalForecast.horizons where horizon < issuer.policy.validitySeconds {
      let count = try session.endings(issuer: issuer.storeID, until: now.advanced(bySeconds: horizon))
      endings.append(RenewalForecast.Ending(within: horizon, count: max(0, count - ended)))
    }
    return RenewalForecast.Demand(
      issuer: issuer.name, overdue: try session.renewals(issuer: issuer.storeID, until: now),
      nextHour: try session.renewals(issuer: issuer.storeID, until: now.advanced(bySeconds: 3600)), endings: endings,
      firstEnd: try session.firstEnd(issuer: issuer.storeID, after: now))
  }

  /// Signatures a second that the place gives for renewals; nil until some were made.
  private func rate(_ place: SigningPlace, number: Int, isSigning: Bool) -> Double? {
    guard isSigning else { return 0 }
    guard let call = runtime.placeCounters(number).callNanoseconds else { return nil }
    let threads = max(1, place.threads - runtime.queue.condition(place: number).lostThreads)
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
