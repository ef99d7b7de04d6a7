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
  static let restNanoseconds: Int64 = 30_000_000_000

  struct Place {
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
  var schedule: Schedule
  var places: [Place] = []
  var health = SigningHealth()
  private var renewalsPerSecond: [Int?] = []
  /// Orders of issuers whose only keys are left alone for a while.
  var parked: [Order] = []
  private var isClosed = false
  /// Whether nothing is to be signed at present, whatever could be.
  var isHalted = false
  /// How much waits that goes before renewals: read without the lock by workers in the middle of many.
  private let urgentCount = Atomic<Int>(0)
  let clock: any Clock
  var random: SplitMix

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
  func reconfigure() -> [Order] {
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

  func isSigning(_ place: Int) -> Bool {
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
      let now = clock.monotonicNanoseconds()
      guard case .order(let order) = schedule.pop(place: place, now: now, urgentOnly: true) else { return nil }
      return order
    }
  }

  /// What is queued is given up: whoever waits for it is told by the sweep of pending questions.
  func close() {
    locked {
      isClosed = true
      for place in places { place.ringAll() }
    }
  }

  func ring(_ issuer: IssuerIndex) {
    for place in schedule.places(of: issuer) { places[place].bell.ring() }
  }

  private func ringAll(_ issuer: IssuerIndex) {
    for place in schedule.places(of: issuer) { places[place].bell.ringAll() }
  }

  func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer {
      urgentCount.store(schedule.depth(.revocation) + schedule.depth(.miss), ordering: .relaxed)
      unsafe pthread_mutex_unlock(mutex)
    }
    return body()
  }
}
