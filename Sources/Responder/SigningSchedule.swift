public import CalendarTime

/// What is to be signed, and in which order, for every place that signs. Pure; the caller locks and waits.
///
/// Three lanes: a revocation goes before a question that somebody waits for, and that before a renewal; but none waits
/// for ever behind a full lane above it. Revocations and questions go first in, first out, the issuers in turns, so that
/// issuers that share a token share it fairly. Renewals go by the end of what they replace, the earliest first. Each
/// lane is bounded (invariant 7), for each set of places alone, so that a token that is down or slow takes nobody else's room;
/// and a place may spend only so many signatures a second on renewals.
public struct SigningSchedule<Job> {
  public enum Lane: Int, Sendable, CaseIterable {
    case revocation = 0
    case miss = 1
    case renewal = 2
  }

  /// One thing to be signed.
  public struct Order {
    public var job: Job
    public var issuer: IssuerIndex
    public var lane: Lane
    /// Kept apart from the issuer's other questions: those that nobody can share must not crowd out the rest.
    public var isLive: Bool
    /// When that which it replaces ends; renewals alone are ordered by it.
    public var expires: UnixTime
    /// How many signatures it takes.
    public var cost: Int

    public init(
      _ job: Job, issuer: IssuerIndex, lane: Lane, isLive: Bool = false, expires: UnixTime = .endOfTime, cost: Int = 1
    ) {
      self.job = job
      self.issuer = issuer
      self.lane = lane
      self.isLive = isLive
      self.expires = expires
      self.cost = cost
    }

    var flow: UInt32 { UInt32(issuer.value) << 1 | (isLive ? 1 : 0) }
  }

  public enum Next {
    case order(Order)
    /// Nothing that may be signed now; where renewals wait for their budget, until this monotonic nanosecond.
    case nothing(until: Int64?)
  }

  /// Issuers whose keys lie in the same places share queues.
  struct Group {
    var places: [Int]
    var urgent = [FairQueue<Order>(), FairQueue<Order>()]
    var renewals = RenewalHeap<Order>()
    /// By flow of questions.
    var floods: [UInt32: FloodWatch] = [:]
  }

  /// So many of a lane's orders in a row, and then one of the lanes below.
  private static var revocationsInARow: Int { 4 }
  private static var missesInARow: Int { 8 }

  let limits: [Int]
  /// For longer than that no question waits in line, in seconds.
  let longestWait: Double
  var groups: [Group] = []
  private var groupOfIssuer: [Int?] = []
  private var groupsOfPlace: [[Int]] = []
  private var budgets: [RenewalBudget?] = []
  /// Signatures a second, by place; nil where that is not known.
  private(set) var paces: [Double?] = []
  private var counts = [0, 0, 0]
  private var runs: [(revocations: Int, misses: Int)] = []
  private var firstGroup = 0
  public private(set) var refusals: UInt64 = 0

  /// - Parameters:
  ///   - revocationLimit, missLimit, renewalLimit: orders by lane, for each set of places.
  ///   - longestMissWait: seconds; the lane of questions takes no more than its places sign meanwhile, as far as `setPaces` has
  ///     told. What is admitted is answered soon, and what is not is told so at once.
  public init(revocationLimit: Int, missLimit: Int, renewalLimit: Int, longestMissWait: Double = .infinity) {
    limits = [revocationLimit, missLimit, renewalLimit]
    longestWait = longestMissWait
  }

  /// - Parameter paces: signatures a second, by place, 0 for one that signs nothing at present; nil where that is not known.
  ///   An issuer's places of which nothing is known count for nothing beside others, and alone set no bound.
  public mutating func setPaces(_ paces: [Double?]) {
    self.paces = paces
  }

  /// Says whose keys lie where; what is queued stays.
  ///
  /// - Parameters:
  ///   - placesOfIssuers: by issuer; empty for one that nothing can sign for.
  ///   - renewalsPerSecond: by place; nil for no bound.
  /// - Returns: the orders of issuers that nothing can sign for any more.
  public mutating func configure(placesOfIssuers: [[Int]], renewalsPerSecond: [Int?]) -> [Order] {
    let old = groups
    groups = []
    groupOfIssuer = placesOfIssuers.map { places in
      guard !places.isEmpty else { return nil }
      if let found = groups.firstIndex(where: { $0.places == places }) { return found }
      groups.append(Group(places: places))
      return groups.count - 1
    }
    groupsOfPlace = renewalsPerSecond.indices.map { place in
      groups.indices.filter { groups[$0].places.contains(place) }
    }
    budgets = renewalsPerSecond.map { $0.map { RenewalBudget(perSecond: $0) } }
    runs = renewalsPerSecond.map { _ in (0, 0) }
    counts = [0, 0, 0]
    var orphans: [Order] = []
    for var group in old {
      for lane in 0..<2 { while let order = group.urgent[lane].popFirst() { keep(order, &orphans) } }
      while let entry = group.renewals.popFirst() { keep(entry.element, &orphans) }
    }
    return orphans
  }

  private mutating func keep(_ order: Order, _ orphans: inout [Order]) {
    guard let group = group(of: order.issuer) else {
      orphans.append(order)
      return
    }
    insert(order, into: group, inFront: false)
  }

  /// False where the lane is full, or nothing signs for the issuer: the caller says `tryLater`, or comes again.
  ///
  /// - Parameter now: monotonic nanoseconds.
  public mutating func push(_ order: Order, now: Int64) -> Bool {
    guard let group = group(of: order.issuer), admits(order, group, now: now) else {
      refusals += 1
      return false
    }
    insert(order, into: group, inFront: false)
    return true
  }

  /// Takes an order back that was popped and could not be done, in front of its lane; never refused, since it had its
  /// place. False where nothing signs for the issuer any more.
  public mutating func putBack(_ order: Order) -> Bool {
    guard let group = group(of: order.issuer) else { return false }
    insert(order, into: group, inFront: true)
    return true
  }

  /// Takes the rest of an order of many back from a place that is slow with it, for whoever is free; in front of those that
  /// end at the same time. False where nothing signs for the issuer any more.
  ///
  /// - Parameter rest: how many signatures it still takes.
  public mutating func giveBack(_ order: Order, rest: Int, place: Int, now: Int64) -> Bool {
    budgets[place]?.spend(-rest, now: now)
    var order = order
    order.cost = rest
    return putBack(order)
  }

  /// Takes out the questions that no place can sign at present: who asked need not wait for the deadline to be told so.
  ///
  /// - Parameter isSigning: whether a place signs.
  public mutating func removeQuestions(whereNone isSigning: (Int) -> Bool) -> [Order] {
    var removed: [Order] = []
    for group in groups.indices where !groups[group].places.contains(where: isSigning) {
      while let order = groups[group].urgent[Lane.miss.rawValue].popFirst() {
        counts[Lane.miss.rawValue] -= 1
        removed.append(order)
      }
    }
    return removed
  }

  /// The next order for a place.
  ///
  /// - Parameters:
  ///   - now: monotonic nanoseconds.
  ///   - urgentOnly: whether renewals are left out: for a worker in the middle of many.
  public mutating func pop(place: Int, now: Int64, urgentOnly: Bool = false) -> Next {
    guard place < groupsOfPlace.count else { return .nothing(until: nil) }
    let isMissWaiting = isWaiting(.miss, place)
    let isRenewalWaiting = !urgentOnly && groupsOfPlace[place].contains { groups[$0].renewals.count > 0 }
    let mayRenew = isRenewalWaiting && (budgets[place]?.mayRenew(now: now) ?? true)
    let isRevocationWaiting = isWaiting(.revocation, place)
    if isRevocationWaiting,
      runs[place].revocations < SigningSchedule.revocationsInARow || !(isMissWaiting || mayRenew),
      let order = popUrgent(.revocation, place, now)
    {
      runs[place].revocations += 1
      return .order(order)
    }
    runs[place].revocations = 0
    if isMissWaiting, runs[place].misses < SigningSchedule.missesInARow || !mayRenew,
      let order = popUrgent(.miss, place, now)
    {
      runs[place].misses += 1
      return .order(order)
    }
    runs[place].misses = 0
    if mayRenew, let order = popRenewal(place, now: now) { return .order(order) }
    return .nothing(until: isRenewalWaiting ? budgets[place]?.renewsAgain(now: now) : nil)
  }

  public func depth(_ lane: Lane) -> Int { counts[lane.rawValue] }

  /// Revocations that wait for the places of the issuer's keys.
  public func revocations(waitingFor issuer: IssuerIndex) -> Int {
    group(of: issuer).map { groups[$0].urgent[Lane.revocation.rawValue].count } ?? 0
  }

  /// How many renewals there is room for where the issuer's keys lie; 0 where nothing signs for it.
  public func renewalRoom(of issuer: IssuerIndex) -> Int {
    group(of: issuer).map { max(0, limits[Lane.renewal.rawValue] - groups[$0].renewals.count) } ?? 0
  }

  /// Whether a place has something to sign that cannot wait for renewals.
  public func hasUrgent(place: Int) -> Bool {
    isWaiting(.revocation, place) || isWaiting(.miss, place)
  }

  /// The places that sign for an issuer.
  public func places(of issuer: IssuerIndex) -> [Int] {
    group(of: issuer).map { groups[$0].places } ?? []
  }

  // MARK: - Inside

  private func group(of issuer: IssuerIndex) -> Int? {
    let number = Int(issuer.value)
    return number < groupOfIssuer.count ? groupOfIssuer[number] : nil
  }

  private mutating func insert(_ order: Order, into group: Int, inFront: Bool) {
    counts[order.lane.rawValue] += 1
    switch order.lane {
    case .renewal:
      groups[group].renewals.insert(order, issuer: order.issuer, expires: order.expires, cost: order.cost)
    case .revocation, .miss:
      let lane = order.lane.rawValue
      if inFront {
        groups[group].urgent[lane].putBack(order, flow: order.flow)
      } else {
        groups[group].urgent[lane].append(order, flow: order.flow)
      }
    }
  }

  private func isWaiting(_ lane: Lane, _ place: Int) -> Bool {
    place < groupsOfPlace.count && groupsOfPlace[place].contains { groups[$0].urgent[lane.rawValue].count > 0 }
  }

  private mutating func popUrgent(_ lane: Lane, _ place: Int, _ now: Int64) -> Order? {
    let mine = groupsOfPlace[place]
    firstGroup &+= 1
    for offset in 0..<mine.count {
      let group = mine[(firstGroup + offset) % mine.count]
      guard let order = groups[group].urgent[lane.rawValue].popFirst() else { continue }
      counts[lane.rawValue] -= 1
      if lane == .miss {
        let isLast = groups[group].urgent[lane.rawValue].count(of: order.flow) == 0
        groups[group].floods[order.flow]?.tookOne(now, isLast: isLast)
      }
      return order
    }
    return nil
  }

  private mutating func popRenewal(_ place: Int, now: Int64) -> Order? {
    let first = groupsOfPlace[place].filter { groups[$0].renewals.count > 0 }.min { left, right in
      guard let one = groups[left].renewals.first, let other = groups[right].renewals.first else { return false }
      return one.isBefore(other)
    }
    guard let first, let entry = groups[first].renewals.popFirst() else { return nil }
    counts[Lane.renewal.rawValue] -= 1
    budgets[place]?.spend(entry.cost, now: now)
    return entry.element
  }
}

extension SigningSchedule.Order: Sendable where Job: Sendable {}
