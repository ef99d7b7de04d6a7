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
    /// The place failed a while ago: see whether it signs again, with a key of this issuer.
    case trial(IssuerIndex)
  }

  /// Threads that a place may lose to calls that never return; then it is left alone until one comes back.
  static let lostThreadLimit = 8
  private static let restNanoseconds: Int64 = 30_000_000_000

  private struct Place {
    let bell: Bell
    /// For threads that rest: what rings for work must wake one that takes it.
    let restBell = Bell()
    var name: String
    var threads: Int
    var breaker = TokenBreaker()
    var lostThreads = 0
    var restingThreads = 0
    var lastFailure: (issuer: IssuerIndex, message: String)?

    func ringAll() {
      bell.ringAll()
      restBell.ringAll()
    }
  }

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var schedule: Schedule
  private var places: [Place] = []
  private var placesOfIssuers: [[Int]] = []
  private var renewalsPerSecond: [Int?] = []
  /// Keys that the configuration has to mend before they are tried again: why, by issuer and place.
  private var disabled: [KeyPlace: String] = [:]
  private var isClosed = false
  /// How much waits that goes before renewals: read without the lock by workers in the middle of many.
  private let urgentCount = Atomic<Int>(0)
  private let clock: any Clock
  private var random: SplitMix

  private struct KeyPlace: Hashable {
    var issuer: IssuerIndex
    var place: Int
  }

  /// - Parameter seed: for the pauses before trials, which need not be secret.
  init(revocationLimit: Int, missLimit: Int, renewalLimit: Int, clock: any Clock, seed: UInt64) {
    self.clock = clock
    random = SplitMix(seed: seed)
    unsafe mutex = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    schedule = Schedule(revocationLimit: revocationLimit, missLimit: missLimit, renewalLimit: renewalLimit)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  // MARK: - Places

  /// Takes a directory's places and keys over; what failed for want of another configuration may be tried again.
  ///
  /// - Returns: the orders of issuers that nothing signs for any more.
  func configure(_ directory: IssuerDirectory) -> [Order] {
    locked {
      for (number, place) in directory.places.enumerated() where number >= places.count {
        places.append(Place(bell: Bell(), name: place.name, threads: place.threads))
      }
      for (number, place) in directory.places.enumerated() { places[number].threads = place.threads }
      placesOfIssuers = directory.placesOfIssuers
      renewalsPerSecond = directory.places.map(\.renewalsPerSecond)
      disabled = [:]
      return reconfigure()
    }
  }

  /// Leaves a key alone until the next configuration. Returns the orders that nothing else can sign.
  func disable(issuer: IssuerIndex, place: Int, why: String) -> [Order] {
    locked {
      disabled[KeyPlace(issuer: issuer, place: place)] = why
      return reconfigure()
    }
  }

  private func reconfigure() -> [Order] {
    let usable = placesOfIssuers.enumerated().map { number, places in
      places.filter { disabled[KeyPlace(issuer: IssuerIndex(UInt16(number)), place: $0)] == nil }
    }
    let orphans = schedule.configure(placesOfIssuers: usable, renewalsPerSecond: renewalsPerSecond)
    for place in places { place.ringAll() }
    return orphans
  }

  /// Whether some place can sign for the issuer now, as far as is known.
  func canSign(_ issuer: IssuerIndex) -> Bool {
    locked { schedule.places(of: issuer).contains { places[$0].breaker.isClosed } }
  }

  /// Whether some key may sign for the issuer, now or after a pause.
  func hasKey(_ issuer: IssuerIndex) -> Bool {
    locked { !schedule.places(of: issuer).isEmpty }
  }

  // MARK: - Work

  /// False where the lane is full, nothing signs for the issuer, or the queue is closed.
  func push(_ order: Order) -> Bool {
    locked {
      guard !isClosed, schedule.push(order) else { return false }
      ring(order.issuer)
      return true
    }
  }

  /// Takes all of one issuer's renewals or none. False where there is no room for them, nothing signs for the issuer, or
  /// the queue is closed: who brings them comes again.
  func pushRenewals(_ orders: [Order]) -> Bool {
    guard let issuer = orders.first?.issuer else { return true }
    return locked {
      guard !isClosed, schedule.renewalRoom(of: issuer) >= orders.count else { return false }
      for order in orders { _ = schedule.push(order) }
      ringAll(issuer)
      return true
    }
  }

  /// How many orders of renewals `pushRenewals` would take.
  func renewalRoom(of issuer: IssuerIndex) -> Int {
    locked { isClosed ? 0 : schedule.renewalRoom(of: issuer) }
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
    let now = clock.monotonicNanoseconds()
    switch places[place].breaker.state {
    case .closed:
      switch schedule.pop(place: place, now: now) {
      case .order(let order): return .task(.order(order))
      case .nothing(let until): return .nothing(until: until)
      }
    case .open(let until):
      if places[place].lostThreads < WorkQueue.lostThreadLimit, let issuer = issuerForTrial(place),
        places[place].breaker.takeTrial(now: now)
      {
        return .task(.trial(issuer))
      }
      return .nothing(until: max(until, now + 100_000_000))
    case .trying: return .nothing(until: nil)
    }
  }

  /// Something that cannot wait until a bulk of renewals is through; nil where there is nothing of the kind.
  func nextUrgent(place: Int) -> Order? {
    guard urgentCount.load(ordering: .relaxed) > 0 else { return nil }
    return locked {
      guard !isClosed, schedule.hasUrgent(place: place), places[place].breaker.isClosed else { return nil }
      guard case .order(let order) = schedule.pop(place: place, now: 0, urgentOnly: true) else { return nil }
      return order
    }
  }

  /// An order could not be signed because of the place: it goes back in front, for whoever can.
  ///
  /// - Returns: the orders to be given up: this one where nothing signs for its issuer any more, and the questions that
  ///   nothing signs at present.
  func failed(_ order: Order, place: Int, message: String, isGrave: Bool = false) -> [Order] {
    locked {
      places[place].lastFailure = (order.issuer, message)
      placeFailed(place, isGrave: isGrave)
      guard schedule.putBack(order) else { return [order] }
      ring(order.issuer)
      return places[place].breaker.isClosed ? [] : questionsInVain()
    }
  }

  /// The token has no session for one of its threads: the order goes back for the others, and the thread rests. Where there
  /// are no others the place has failed.
  ///
  /// - Returns: the orders to be given up, as `failed` does.
  func crowdedOut(_ order: Order, worker: WorkerState, place: Int, message: String) -> [Order] {
    let hasOthers = locked {
      let others = places[place].threads - places[place].lostThreads - places[place].restingThreads - 1
      guard others > 0 else { return false }
      places[place].restingThreads += 1
      worker.rest(until: clock.monotonicNanoseconds() + WorkQueue.restNanoseconds)
      return true
    }
    guard hasOthers else { return failed(order, place: place, message: message) }
    return locked {
      guard schedule.putBack(order) else { return [order] }
      ring(order.issuer)
      return []
    }
  }

  /// Gives the rest of an order of many back to whoever is free. False where nothing signs for the issuer any more.
  func giveBack(_ order: Order, rest: Int, place: Int) -> Bool {
    locked {
      guard schedule.giveBack(order, rest: rest, place: place, now: clock.monotonicNanoseconds()) else { return false }
      ring(order.issuer)
      return true
    }
  }

  private func questionsInVain() -> [Order] {
    schedule.removeQuestions { places[$0].breaker.isClosed }
  }

  /// One signature failed, and its order is done with. Returns the questions that nothing signs at present.
  func signatureFailed(_ issuer: IssuerIndex, place: Int, message: String) -> [Order] {
    locked {
      places[place].lastFailure = (issuer, message)
      placeFailed(place, isGrave: false)
      return places[place].breaker.isClosed ? [] : questionsInVain()
    }
  }

  private func placeFailed(_ place: Int, isGrave: Bool) {
    places[place].breaker.failed(
      now: clock.monotonicNanoseconds(), isGrave: isGrave, chance: Double.random(in: 0...1, using: &random))
  }

  func succeeded(place: Int) {
    locked { places[place].breaker.succeeded() }
  }

  func trialEnded(place: Int, isGood: Bool, message: String?) {
    locked {
      places[place].breaker.trialEnded(
        isGood: isGood, now: clock.monotonicNanoseconds(), chance: Double.random(in: 0...1, using: &random))
      if let message, let issuer = places[place].lastFailure?.issuer { places[place].lastFailure = (issuer, message) }
      places[place].bell.ringAll()
    }
  }

  private func issuerForTrial(_ place: Int) -> IssuerIndex? {
    if let issuer = places[place].lastFailure?.issuer, schedule.places(of: issuer).contains(place) { return issuer }
    let number = placesOfIssuers.indices.first { number in
      schedule.places(of: IssuerIndex(UInt16(number))).contains(place)
    }
    return number.map { IssuerIndex(UInt16($0)) }
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

  func condition(place: Int) -> PlaceCondition {
    locked {
      let place = places[place]
      return PlaceCondition(
        isSigning: place.breaker.isClosed, failingSince: place.breaker.openSince, lostThreads: place.lostThreads,
        restingThreads: place.restingThreads, lastFailure: place.lastFailure?.message)
    }
  }

  /// Why keys are left alone until the next configuration.
  var disabledKeys: [(issuer: IssuerIndex, place: Int, why: String)] {
    locked { disabled.map { ($0.key.issuer, $0.key.place, $0.value) } }
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

/// A condition variable on the clock that nobody sets.
@safe
private final class Bell {
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    unsafe condition = .allocate(capacity: 1)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe condition.deallocate()
  }

  func ring() { unsafe pthread_cond_signal(condition) }
  func ringAll() { unsafe pthread_cond_broadcast(condition) }

  /// - Parameter limit: monotonic nanoseconds; nil for no limit.
  func wait(_ mutex: UnsafeMutablePointer<pthread_mutex_t>, until limit: Int64?) {
    guard let limit else {
      unsafe pthread_cond_wait(condition, mutex)
      return
    }
    var time = timespec(tv_sec: Int(limit / 1_000_000_000), tv_nsec: Int(limit % 1_000_000_000))
    unsafe pthread_cond_timedwait(condition, mutex, &time)
  }
}
