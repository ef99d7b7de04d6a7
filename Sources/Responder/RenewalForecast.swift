public import CalendarTime

/// Whether a place that signs keeps up with the renewals of the issuers that share it, and until when it lasts where it
/// does not. Pure.
///
/// Two public outages came from a refresher that had fallen behind unnoticed: this one says so before anything ends.
public struct RenewalForecast: Sendable, Hashable {
  /// What one issuer needs.
  public struct Demand: Sendable, Hashable {
    public var issuer: String
    /// Answers that have ended and are not renewed.
    public var ended = 0
    /// Answers to be renewed within the next hour, those whose plan has passed included.
    public var nextHour = 0
    /// Seconds since the planned renewal of the answer that has waited longest for it; 0 where none waits.
    public var lag: Int64 = 0
    /// How much of that is nothing to speak of, in seconds.
    public var toleratedLag: Int64 = 0
    /// How many answers end by when, later and later times; empty where the place could renew all there are in an hour.
    public var endings: [Ending] = []
    /// When its first answer ends that has not ended yet.
    public var firstEnd: UnixTime?

    public init(issuer: String) {
      self.issuer = issuer
    }
  }

  public struct Ending: Sendable, Hashable {
    /// Seconds from now.
    public var within: Int64
    /// All answers that end in that time.
    public var count: Int

    public init(within: Int64, count: Int) {
      self.within = within
      self.count = count
    }
  }

  /// Seconds from now at which endings are counted.
  public static let horizons: [Int64] = [3600, 4 * 3600, 12 * 3600, 24 * 3600, 48 * 3600]

  public var place: String
  /// Signatures that the issuers together need within the hour.
  public var needed: Int
  /// Signatures that the place gives in an hour; nil until some were made.
  public var given: Int?
  public var warnings: [String] = []

  /// - Parameters:
  ///   - signaturesPerSecond: what the place gives for renewals; nil until it is known, 0 while it is down.
  public init(place: String, demands: [Demand], signaturesPerSecond: Double?, now: UnixTime) {
    self.place = place
    needed = demands.reduce(0) { $0 + $1.nextHour }
    given = signaturesPerSecond.map { Int($0 * 3600) }
    let firstEnd = demands.compactMap(\.firstEnd).min()
    let until = firstEnd.map { "; the first answer ends at \($0.iso8601)" } ?? ""
    for demand in demands where demand.ended > 0 {
      warnings.append("\(place) has let \(demand.ended) answers of '\(demand.issuer)' end without renewing them")
    }
    guard let rate = signaturesPerSecond else { return }
    if rate <= 0 {
      warnings.append("\(place) signs nothing at present\(until)")
      return
    }
    for demand in demands where demand.lag > demand.toleratedLag {
      warnings.append(
        "\(place) is late: answers of '\(demand.issuer)' were to be renewed \(demand.lag / 60) minutes ago\(until)")
    }
    if needed > Int(rate * 3600) {
      let issuers = demands.filter { $0.nextHour > 0 }.map { "\($0.issuer): \($0.nextHour)" }.joined(separator: ", ")
      warnings.append(
        "\(place) falls behind: the next hour needs \(needed) signatures (\(issuers)), and it gives \(Int(rate * 3600))"
      )
    }
    for (position, horizon) in RenewalForecast.horizons.enumerated() {
      let ending = demands.reduce(0) { $0 + ($1.endings.count > position ? $1.endings[position].count : 0) }
      guard Double(ending) > rate * Double(horizon) else { continue }
      warnings.append(
        "\(place) cannot renew in time: \(ending) answers end by \(now.advanced(bySeconds: horizon).iso8601), and until then "
          + "it gives \(Int(rate * Double(horizon))) signatures")
      break
    }
  }

  public var isKeepingUp: Bool { warnings.isEmpty }
}
