public import Responder
import Synchronization

extension ResponderRuntime {
  /// How one place that signs fares, for metrics.
  public struct PlaceReport: Sendable {
    public var name: String
    public var isSigning: Bool
    public var signatures: UInt64
    /// Nanoseconds that its calls took, all together.
    public var busyNanoseconds: UInt64
    public var threads: Int
    /// Threads in calls that have not returned and were given up.
    public var lostThreads: Int
    /// What its renewals need within the hour, and what it gives; nil where that is not known yet.
    public var forecast: RenewalForecast?
  }

  public var placeReports: [PlaceReport] {
    let directory = directory
    let forecasts = forecasts.withLock { $0 }
    return directory.places.enumerated().filter { directory.usedPlaces.contains($0.offset) }.map { number, place in
      let condition = queue.condition(place: number)
      let counters = placeCounters(number)
      return PlaceReport(
        name: place.name, isSigning: condition.isSigning, signatures: counters.signatures,
        busyNanoseconds: counters.busyNanoseconds, threads: place.threads, lostThreads: condition.lostThreads,
        forecast: forecasts.first { $0.place == place.name })
    }
  }

  /// Issuers whose answers are not all there, or have ended, while nothing signs for them: each in a sentence.
  public var unservedIssuers: [String] {
    let directory = directory
    let now = clock.now()
    return directory.issuers.issuers.filter { !$0.isRetired }.compactMap { issuer in
      if let reason = issuer.reasonOfDates(now: now) { return reason }
      let progress = issuer.progress
      let isIncomplete =
        !progress.areAnswersLoaded || progress.presigning > 0 || progress.areAnswersMissing
        || endedAnswers.withLock { $0[issuer.index, default: 0] } > 0
      guard isIncomplete, !queue.canSign(issuer.index) else { return nil }
      let why = queue.whyNotSigning(issuer.index).map { ": \($0)" } ?? ""
      return "issuer '\(issuer.name)': answers are missing, and nothing signs for it\(why)"
    }
  }

  /// How many issuers are answered for.
  public var issuerCount: Int { directory.issuers.issuers.count { !$0.isRetired } }

  /// By name: whether something signs for the issuer at present.
  public var signableIssuers: [(name: String, isSignable: Bool)] {
    directory.issuers.issuers.filter { !$0.isRetired }.map { issuer in
      (issuer.name, issuer.credential.isValid(at: clock.now()) && queue.canSign(issuer.index))
    }
  }

  /// Whether a call into a token's module has not returned to this day.
  public var hasLostThreads: Bool {
    directory.places.indices.contains { queue.condition(place: $0).lostThreads > 0 }
  }

  /// Jobs that wait to be signed, by lane.
  public var signingBacklog: (revocations: Int, misses: Int, renewals: Int) {
    (queue.depth(.revocation), queue.depth(.miss), queue.depth(.renewal))
  }

  /// What an operator should know of the places that sign, each in a sentence.
  public var signingTroubles: [String] {
    let directory = directory
    var troubles: [String] = []
    for (number, place) in directory.places.enumerated() where directory.usedPlaces.contains(number) {
      let condition = queue.condition(place: number)
      if condition.lostThreads >= WorkQueue.lostThreadLimit {
        troubles.append(
          "\(place.name): \(condition.lostThreads) calls have not returned, and it is left alone until one does: mend it and "
            + "restart this process")
        continue
      }
      if !condition.isSigning {
        let seconds = condition.failingSince.map { (clock.monotonicNanoseconds() - $0) / 1_000_000_000 } ?? 0
        troubles.append("\(place.name) has not signed for \(seconds) s: \(condition.lastFailure ?? "no reason known")")
      }
      if condition.lostThreads > 0 {
        troubles.append("\(place.name): \(condition.lostThreads) calls have not returned")
      }
    }
    for (issuer, place, why) in queue.disabledKeys {
      troubles.append(
        "issuer '\(directory.issuers[issuer].name)': its key in \(directory.places[place].name) is not used: \(why)")
    }
    for key in queue.suspendedKeys {
      troubles.append(
        "issuer '\(directory.issuers[key.issuer].name)': its key in \(directory.places[key.place].name) fails, where others "
          + "sign; it is tried now and then")
    }
    let now = clock.now()
    troubles += directory.issuers.issuers.filter { !$0.isRetired }.compactMap { $0.warningOfEnd(now: now) }
    let used = Set(directory.usedPlaces.map { directory.places[$0].name })
    return troubles + forecasts.withLock { $0.filter { used.contains($0.place) }.flatMap(\.warnings) }
  }
}
