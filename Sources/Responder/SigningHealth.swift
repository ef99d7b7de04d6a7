/// Which places sign at present, and with which keys: breakers for places and for single keys, and who tries what next. Pure;
/// the caller locks, and gives monotonic nanoseconds and chances from 0 to 1.
///
/// A place whose calls fail is left alone, and tried with one key after another: the first that signs closes it again, and
/// keys that have failed meanwhile are left alone by themselves. So one key that is at fault takes no token from the others.
public struct SigningHealth: Sendable {
  /// So many failures of one key, in a place that signs with others, and it is left alone.
  private static let keyThreshold = 3
  private static let pauseNanoseconds: Int64 = 1_000_000_000

  public struct KeyPlace: Hashable, Sendable {
    public var issuer: IssuerIndex
    public var place: Int
  }

  /// What a thread of a place may do.
  public enum Look: Sendable, Hashable {
    /// Sign; before that time, if any, somebody should look again.
    case sign(nextTrial: Int64?)
    /// Try a key of this issuer.
    case trial(IssuerIndex)
    /// Nothing before that time; nil until somebody else's trial has ended.
    case wait(until: Int64?)
  }

  private struct Place: Sendable {
    var breaker = TokenBreaker()
    var lastFailure: String?
    /// By issuer: failures of its key since it last signed.
    var failures: [IssuerIndex: Int] = [:]
    /// The issuer whose key was tried last.
    var lastTried = -1
  }

  private var places: [Place] = []
  private var placesOfIssuers: [[Int]] = []
  /// Keys that the configuration has to mend: why.
  public private(set) var disabled: [KeyPlace: String] = [:]
  /// Keys that fail in places that sign well with others.
  private var suspended: [KeyPlace: TokenBreaker] = [:]
  /// Keys in tokens that have not signed yet: when each is to be tried, once its place has nothing else to do. What is wrong
  /// with them shall be known before they are needed.
  private var unproven: [KeyPlace: Int64] = [:]

  public init() {}

  public mutating func addPlaces(_ count: Int) {
    while places.count < count { places.append(Place()) }
  }

  /// Another configuration: what it may have mended is tried again.
  ///
  /// - Parameter tokens: the places whose keys are to be tried before they are needed.
  public mutating func configure(placesOfIssuers: [[Int]], tokens: Set<Int> = []) {
    self.placesOfIssuers = placesOfIssuers
    unproven = [:]
    for (number, places) in placesOfIssuers.enumerated() {
      for place in places where tokens.contains(place) {
        unproven[KeyPlace(issuer: IssuerIndex(UInt16(number)), place: place)] = .min
      }
    }
    (disabled, suspended) = ([:], [:])
    for place in places.indices { places[place].breaker.hurry() }
  }

  /// By issuer: the places whose keys may be used.
  public var usablePlaces: [[Int]] {
    placesOfIssuers.enumerated().map { number, places in
      places.filter { place in
        let key = KeyPlace(issuer: IssuerIndex(UInt16(number)), place: place)
        return disabled[key] == nil && suspended[key] == nil
      }
    }
  }

  /// Whether the issuer has a key that is left alone for a while only.
  public func isSuspended(_ issuer: IssuerIndex) -> Bool { suspended.keys.contains { $0.issuer == issuer } }
  public var suspendedKeys: [KeyPlace] { Array(suspended.keys) }

  public func isSigning(_ place: Int) -> Bool { places[place].breaker.isClosed }
  public func failingSince(_ place: Int) -> Int64? { places[place].breaker.openSince }
  public func lastFailure(_ place: Int) -> String? { places[place].lastFailure }

  /// Why nothing signs for an issuer, as it was last said.
  public func whyNotSigning(_ issuer: IssuerIndex) -> String? {
    guard Int(issuer.value) < placesOfIssuers.count else { return nil }
    return placesOfIssuers[Int(issuer.value)].lazy.compactMap { place in
      disabled[KeyPlace(issuer: issuer, place: place)] ?? places[place].lastFailure
    }.first
  }

  // MARK: - What happens

  /// A call failed. True where `usablePlaces` has changed.
  public mutating func failed(_ issuer: IssuerIndex, place: Int, message: String, now: Int64, chance: Double) -> Bool {
    places[place].lastFailure = message
    places[place].failures[issuer, default: 0] += 1
    places[place].breaker.failed(now: now, isGrave: false, chance: chance)
    let isAtFault = places[place].failures[issuer, default: 0] >= SigningHealth.keyThreshold
    // Others have signed in between, else the place itself would be left alone by now.
    guard places[place].breaker.isClosed, isAtFault else { return false }
    suspend(issuer, place, now: now, chance: chance)
    return true
  }

  public mutating func succeeded(_ issuer: IssuerIndex, place: Int) {
    unproven[KeyPlace(issuer: issuer, place: place)] = nil
    places[place].breaker.succeeded()
    places[place].failures[issuer] = nil
  }

  /// Leaves a key alone until the next configuration.
  public mutating func disable(_ issuer: IssuerIndex, place: Int, why: String) {
    let key = KeyPlace(issuer: issuer, place: place)
    disabled[key] = why
    suspended[key] = nil
  }

  /// - Parameter issuer: whose key was tried.
  /// - Returns: whether `usablePlaces` has changed.
  public mutating func trialEnded(
    _ issuer: IssuerIndex, place: Int, isGood: Bool, message: String?, now: Int64, chance: Double
  ) -> Bool {
    let key = KeyPlace(issuer: issuer, place: place)
    if let message { places[place].lastFailure = message }
    let wasPlaceTried = places[place].breaker.state == .trying
    if wasPlaceTried { places[place].breaker.trialEnded(isGood: isGood, now: now, chance: chance) }
    guard isGood else {
      if suspended[key] != nil {
        suspended[key]?.trialEnded(isGood: false, now: now, chance: chance)
      } else if !wasPlaceTried, disabled[key] == nil {
        // What the configuration has to mend is the key's fault alone, and says nothing of its place.
        return failed(issuer, place: place, message: message ?? "its trial failed", now: now, chance: chance)
      }
      return false
    }
    unproven[key] = nil
    places[place].failures[issuer] = nil
    var hasChanged = suspended.removeValue(forKey: key) != nil
    guard wasPlaceTried else { return hasChanged }
    // The place signs: those that have failed meanwhile show by themselves whether they do too, at once.
    for other in places[place].failures.keys {
      suspend(other, place, now: nil, chance: chance)
      hasChanged = true
    }
    places[place].failures = [:]
    return hasChanged
  }

  private mutating func suspend(_ issuer: IssuerIndex, _ place: Int, now: Int64?, chance: Double) {
    let key = KeyPlace(issuer: issuer, place: place)
    guard disabled[key] == nil else { return }
    var breaker = TokenBreaker()
    breaker.failed(now: now ?? .min / 2, isGrave: true, chance: chance)
    suspended[key] = breaker
  }

  // MARK: - What to do

  /// - Parameter mayTry: whether a thread may be spent on a trial.
  public mutating func look(_ place: Int, now: Int64, mayTry: Bool) -> Look {
    switch places[place].breaker.state {
    case .closed:
      var next: Int64?
      for key in suspended.keys where key.place == place {
        if mayTry, suspended[key]?.takeTrial(now: now) ?? false { return .trial(key.issuer) }
        if case .open(let until)? = suspended[key]?.state { next = min(next ?? until, until) }
      }
      return .sign(nextTrial: next)
    case .open(let until):
      if mayTry, let issuer = issuerForTrial(place), places[place].breaker.takeTrial(now: now) {
        places[place].lastTried = Int(issuer.value)
        return .trial(issuer)
      }
      return .wait(until: max(until, now + 100_000_000))
    case .trying: return .wait(until: nil)
    }
  }

  /// A key that has not signed yet and is to be tried now, since its place has nothing else to do; and when the next one is.
  public mutating func unprovenKey(_ place: Int, now: Int64) -> (issuer: IssuerIndex?, next: Int64?) {
    guard !unproven.isEmpty else { return (nil, nil) }
    var next: Int64?
    for (key, due) in unproven where key.place == place && disabled[key] == nil && suspended[key] == nil {
      if due <= now {
        unproven[key] = now + SigningHealth.pauseNanoseconds
        return (key.issuer, nil)
      }
      next = min(next ?? due, due)
    }
    return (nil, next)
  }

  /// Each time another issuer's key, so that one that is at fault alone does not decide for all; suspended ones last.
  private func issuerForTrial(_ place: Int) -> IssuerIndex? {
    let count = placesOfIssuers.count
    let inTurn = (1...max(1, count)).lazy.map { (places[place].lastTried + $0) % max(1, count) }
      .filter { $0 < count && placesOfIssuers[$0].contains(place) }
      .map { KeyPlace(issuer: IssuerIndex(UInt16($0)), place: place) }
      .filter { disabled[$0] == nil }
    return (inTurn.first { suspended[$0] == nil } ?? inTurn.first)?.issuer
  }
}
