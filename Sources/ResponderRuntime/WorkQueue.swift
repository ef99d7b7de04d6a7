import Glibc
import Responder
import Synchronization

/// What the signing threads take their work from: the pure schedule and the breakers behind a lock, with bells.
///
/// Any thread may push; `next` blocks until there is something to do in a place. Nothing is held across other calls.
@safe
final class WorkQueue: @unchecked Sendable {
  // All but the mutex is touched only with `mutex` held; mutex and bells never move.
  typealias Schedule = SigningSchedule<SigningWork>
  typealias Order = Schedule.Order

  /// What a thread of a place is to do next.
  enum Task {
    case order(Order)
    /// The place or the key failed a while ago, or has never signed: see whether it does, with a key of this issuer.
    case trial(IssuerIndex)
  }

  /// Threads that a place may lose to calls that never return; then it is left alone until one comes back.
  static let lostThreadLimit = 8
  private static let restNanoseconds: Int64 = 30_000_000_000

  private struct Place {
    let bell = Bell()
    /// For threads that rest: what rings for work must wake one that takes it.
    let restBell = Bell()
    var threads: Int
    var lostThreads = 0
    var restingThreads = 0

    /// Lost threads are replaced until there are too many of them; from then on each is one less.
    var hasThreads: Bool { lostThreads < threads + WorkQueue.lostThreadLimit - 1 }

    func ringAll() {
      bell.ringAll()
      restBell.ringAll()
    }
  }

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var schedule: Schedule
  private var places: [Place] = []
  private var health = SigningHealth()
  private var renewalsPerSecond: [Int?] = []
  /// Orders of issuers whose only keys are left alone for a while.
  private var parked: [Order] = []
  private var isClosed = false
  /// Whether nothing is to be signed at present, whatever could be.
  private var isHalted = false
  /// How much waits that goes before renewals: read without the lock by workers in the middle of many.
  private let urgentCount = Atomic<Int>(0)
  private let clock: any Clock
  private var random: SplitMix

  /// - Parameter seed: for the pauses before trials, which need not be secret.
  init(
    revocationLimit: Int, missLimit: Int, renewalLimit: Int, longestMissWait: Double = .infinity, clock: any Clock,
    seed: UInt64
  ) {
    self.clock = clock
    random = SplitMix(seed: seed)
    unsafe mutex = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    schedule = Schedule(
      revocationLimit: revocationLimit, missLimit: missLimit, renewalLimit: renewalLimit,
      longestMissWait: longestMissWait)
  }

  /// Tells how long a signature takes at present in each place, in nanoseconds; nil where that is not known.
  func setCalls(_ nanoseconds: [UInt64?]) {
    locked {
      schedule.setPaces(
        places.indices.map { place in
          guard isSigning(place) else { return 0 }
          guard place < nanoseconds.count, let call = nanoseconds[place] else { return nil }
          return Double(places[place].threads) * 1e9 / Double(call)
        })
    }
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  // MARK: - Places

  /// Makes room for a directory's places: before it is in force, since who reads it asks for them.
  func addPlaces(_ directory: IssuerDirectory) {
    locked {
      for (number, place) in directory.places.enumerated() {
        if number >= places.count { places.append(Place(threads: place.threads)) }
        places[number].threads = place.threads
      }
      health.addPlaces(places.count)
    }
  }

  /// Takes a directory's keys over, once it is in force; what failed for want of another configuration may be tried again.
  ///
  /// - Returns: the orders of issuers that nothing signs for any more.
  func configure(_ directory: IssuerDirectory) -> [Order] {
    addPlaces(directory)
    return locked {
      let tokens = directory.places.indices.filter { directory.places[$0].callDeadlineMilliseconds != nil }
      health.configure(placesOfIssuers: directory.placesOfIssuers, tokens: Set(tokens))
      renewalsPerSecond = directory.places.map(\.renewalsPerSecond)
      return reconfigure()
    }
  }

  /// Leaves a key alone until the next configuration. Returns the orders that nothing else can sign.
  func disable(issuer: IssuerIndex, place: Int, why: String) -> [Order] {
    locked {
      health.disable(issuer, place: place, why: why)
      return reconfigure()
    }
  }

  /// - Returns: the orders that are to be given up.
  private func reconfigure() -> [Order] {
    var orphans = schedule.configure(placesOfIssuers: health.usablePlaces, renewalsPerSecond: renewalsPerSecond)
    // Last in, first out: each goes back in front.
    orphans = parked.reversed().filter { !schedule.putBack($0) } + orphans
    // A key that is left alone for a while will sign them; whoever asks is not kept waiting for it.
    parked = orphans.filter { health.isSuspended($0.issuer) && $0.lane != .miss }
    for place in places { place.ringAll() }
    return orphans.filter { !health.isSuspended($0.issuer) || $0.lane == .miss }
  }

  /// Whether some place can sign for the issuer now, as far as is known.
  func canSign(_ issuer: IssuerIndex) -> Bool {
    locked { schedule.places(of: issuer).contains { isSigning($0) } }
  }

  private func isSigning(_ place: Int) -> Bool {
    !isHalted && health.isSigning(place) && places[place].hasThreads
  }

  /// Gives no thread anything to do until it is called with false. What waits goes on waiting.
  func halt(_ isHalted: Bool) {
    locked {
      self.isHalted = isHalted
      for place in places { place.ringAll() }
    }
  }

  // MARK: - Work

  /// False where the lane is full, nothing signs for the issuer, or the queue is closed.
  func push(_ order: Order) -> Bool {
    let now = clock.monotonicNanoseconds()
    return locked {
      guard !isClosed, schedule.push(order, now: now) else { return false }
      ring(order.issuer)
      return true
    }
  }

  /// Takes as many of one issuer's renewals as there is room for, from the first. Returns how many: who brings the others
  /// comes again.
  ///
  /// - Parameter leaving: how much room must be left for others.
  func pushRenewals(_ orders: [Order], leaving: Int = 0) -> Int {
    guard let issuer = orders.first?.issuer else { return 0 }
    let now = clock.monotonicNanoseconds()
    return locked {
      guard !isClosed else { return 0 }
      let count = min(orders.count, max(0, schedule.renewalRoom(of: issuer) - leaving))
      for order in orders[..<count] { _ = schedule.push(order, now: now) }
      if count > 0 { ringAll(issuer) }
      return count
    }
  }

  /// How many orders of renewals there is room for.
  func renewalRoom(of issuer: IssuerIndex) -> Int {
    locked { isClosed ? 0 : schedule.renewalRoom(of: issuer) }
  }

  /// Revocations that wait for the places of the issuer's keys.
  func revocations(waitingFor issuer: IssuerIndex) -> Int {
    locked { schedule.revocations(waitingFor: issuer) }
  }

  /// What there is to do in a place.
  enum Look {
    case task(Task)
    /// Nothing before that monotonic nanosecond, unless somebody brings something; nil for no such time.
    case nothing(until: Int64?)
  }

  /// The next thing to do in a place; nil once the queue is closed or the thread was given up.
  func next(place: Int, worker: WorkerState) -> Task? {
    locked {
      while !isClosed, !worker.isAbandoned {
        if isResting(worker, place) { continue }
        switch lookNow(place) {
        case .task(let task): return task
        case .nothing(let until): unsafe places[place].bell.wait(mutex, until: until)
        }
      }
      return nil
    }
  }

  /// Waits while the thread has no session; then it tries again. True where it should look again at everything.
  private func isResting(_ worker: WorkerState, _ place: Int) -> Bool {
    guard worker.restEnd > 0 else { return false }
    if clock.monotonicNanoseconds() < worker.restEnd {
      unsafe places[place].restBell.wait(mutex, until: worker.restEnd)
    } else {
      worker.rest(until: 0)
      places[place].restingThreads -= 1
    }
    return true
  }

  /// The same for who does not wait.
  func look(place: Int) -> Look {
    locked { isClosed ? .nothing(until: nil) : lookNow(place) }
  }

  private func lookNow(_ place: Int) -> Look {
    if isHalted { return .nothing(until: nil) }
    let now = clock.monotonicNanoseconds()
    switch health.look(place, now: now, mayTry: places[place].lostThreads < WorkQueue.lostThreadLimit) {
    case .trial(let issuer): return .task(.trial(issuer))
    case .wait(let until): return .nothing(until: until)
    case .sign(let nextTrial):
      switch schedule.pop(place: place, now: now) {
      case .order(let order): return .task(.order(order))
      case .nothing(let until):
        let (unproven, nextProof) = health.unprovenKey(place, now: now)
        if let unproven { return .task(.trial(unproven)) }
        return .nothing(until: [until, nextTrial, nextProof].compactMap { $0 }.min())
      }
    }
  }

  /// Whether something waits, here or in another place, that goes before renewals. One look, without the lock.
  var mayHaveUrgent: Bool { urgentCount.load(ordering: .relaxed) > 0 }

  /// Something that cannot wait until a bulk of renewals is through; nil where there is nothing of the kind.
  func nextUrgent(place: Int) -> Order? {
    guard mayHaveUrgent else { return nil }
    return locked {
      guard !isClosed, !isHalted, schedule.hasUrgent(place: place), health.isSigning(place) else { return nil }
      guard case .order(let order) = schedule.pop(place: place, now: 0, urgentOnly: true) else { return nil }
      return order
    }
  }

  /// An order could not be signed because of the place: it goes back in front, for whoever can.
  ///
  /// - Returns: the orders to be given up: this one where nothing signs for its issuer any more, and the questions that
  ///   nothing signs at present.
  func failed(_ order: Order, place: Int, message: String) -> [Order] {
    locked { placeFailed(order.issuer, place, message) + putBack(order, place) + questionsInVain(place) }
  }

  /// An order could not be signed with a key that is left alone from now on: it goes back for whoever can.
  func keyIsOut(_ order: Order, place: Int) -> [Order] {
    locked { putBack(order, place) }
  }

  /// The token has no session for one of its threads: the order goes back for the others, and the thread rests. Where there
  /// are no others the place has failed.
  ///
  /// - Returns: the orders to be given up, as `failed` does.
  func crowdedOut(_ order: Order, worker: WorkerState, place: Int, message: String) -> [Order] {
    let hasOthers = locked {
      if worker.restEnd > 0 { return true }
      guard places[place].threads - places[place].restingThreads > 1 else { return false }
      places[place].restingThreads += 1
      worker.rest(until: clock.monotonicNanoseconds() + WorkQueue.restNanoseconds)
      return true
    }
    guard hasOthers else { return failed(order, place: place, message: message) }
    return locked { putBack(order, place) }
  }

  /// Gives the rest of an order of many back to whoever is free. False where nothing signs for the issuer any more.
  func giveBack(_ order: Order, place: Int) -> Bool {
    locked { putBack(order, place).isEmpty }
  }

  /// Puts an order back in front, of which something may be done already. Returns it where nothing signs for its issuer.
  private func putBack(_ order: Order, _ place: Int) -> [Order] {
    let isTaken =
      if case .bulk(let bulk) = order.job {
        schedule.giveBack(
          order, rest: bulk.entries.count - bulk.next, place: place, now: clock.monotonicNanoseconds())
      } else {
        schedule.putBack(order)
      }
    if isTaken {
      ring(order.issuer)
      return []
    }
    guard health.isSuspended(order.issuer), order.lane != .miss else { return [order] }
    parked.append(order)
    return []
  }

  private func questionsInVain(_ place: Int) -> [Order] {
    isSigning(place) ? [] : schedule.removeQuestions { isSigning($0) }
  }

  /// One signature failed, and its order is done with. Returns the questions that nothing signs at present.
  func signatureFailed(_ issuer: IssuerIndex, place: Int, message: String) -> [Order] {
    locked { placeFailed(issuer, place, message) + questionsInVain(place) }
  }

  private func placeFailed(_ issuer: IssuerIndex, _ place: Int, _ message: String) -> [Order] {
    let hasChanged = health.failed(
      issuer, place: place, message: message, now: clock.monotonicNanoseconds(), chance: chance())
    return hasChanged ? reconfigure() : []
  }

  private func chance() -> Double { Double.random(in: 0...1, using: &random) }

  /// Failures before it are no longer in a row.
  func succeeded(_ issuer: IssuerIndex, place: Int) {
    locked { health.succeeded(issuer, place: place) }
  }

  /// - Parameter issuer: whose key was tried.
  /// - Returns: the orders that nothing signs at present.
  func trialEnded(_ issuer: IssuerIndex, place: Int, isGood: Bool, message: String?) -> [Order] {
    locked {
      let hasChanged = health.trialEnded(
        issuer, place: place, isGood: isGood, message: message, now: clock.monotonicNanoseconds(), chance: chance())
      defer { places[place].ringAll() }
      return (hasChanged ? reconfigure() : []) + questionsInVain(place)
    }
  }

  /// - Returns: how many threads the place has lost now.
  func threadLost(place: Int) -> Int {
    locked {
      places[place].lostThreads += 1
      return places[place].lostThreads
    }
  }

  func threadCameBack(place: Int) {
    locked {
      places[place].lostThreads -= 1
      places[place].bell.ringAll()
    }
  }

  /// What is queued is given up: whoever waits for it is told by the sweep of pending questions.
  func close() {
    locked {
      isClosed = true
      for place in places { place.ringAll() }
    }
  }

  // MARK: - What is told of it

  /// How a place fares.
  struct PlaceCondition {
    var isSigning: Bool
    /// Monotonic nanoseconds.
    var failingSince: Int64?
    var lostThreads: Int
    /// Threads for which the token has no session at present.
    var restingThreads: Int
    var lastFailure: String?
  }

  /// Why nothing signs for an issuer, as its places or its keys have said it last; nil where nothing was said.
  func whyNotSigning(_ issuer: IssuerIndex) -> String? {
    locked { health.whyNotSigning(issuer) }
  }

  func condition(place: Int) -> PlaceCondition {
    locked {
      PlaceCondition(
        isSigning: isSigning(place), failingSince: health.failingSince(place),
        lostThreads: places[place].lostThreads, restingThreads: places[place].restingThreads,
        lastFailure: health.lastFailure(place))
    }
  }

  /// Why keys are left alone until the next configuration.
  var disabledKeys: [(issuer: IssuerIndex, place: Int, why: String)] {
    locked { health.disabled.map { ($0.key.issuer, $0.key.place, $0.value) } }
  }

  /// Keys that are left alone for a while, in places that sign well with others.
  var suspendedKeys: [SigningHealth.KeyPlace] {
    locked { health.suspendedKeys }
  }

  func depth(_ lane: Schedule.Lane) -> Int {
    locked { schedule.depth(lane) }
  }

  private func ring(_ issuer: IssuerIndex) {
    for place in schedule.places(of: issuer) { places[place].bell.ring() }
  }

  private func ringAll(_ issuer: IssuerIndex) {
    for place in schedule.places(of: issuer) { places[place].bell.ringAll() }
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer {
      urgentCount.store(schedule.depth(.revocation) + schedule.depth(.miss), ordering: .relaxed)
      unsafe pthread_mutex_unlock(mutex)
    }
    return body()
  }
}
