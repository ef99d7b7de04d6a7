import CalendarTime
import EventLoop
import Metrics
import OCSP
public import Responder
import Synchronization

/// The responder at work: the caches, the pending questions and the threads that sign, follow changes and refresh.
///
/// `start` opens the store for each thread and starts them; `stop` ends them. Everything else may be called by any
/// thread.
public final class ResponderRuntime: AnswerSource, AppliedRevisions {
  /// Bounds.
  public struct Limits: Sendable {
    /// Questions that wait for a signature; over it the answer is `tryLater`.
    public var queueLimit = 10_000
    /// Milliseconds after which a question that waits is answered `tryLater`.
    public var deadlineMilliseconds: Int64 = 10_000
    /// Questions that would wait longer in line for a signature are told `tryLater` at once; some
    /// (`SigningSchedule.leastMisses`) may wait where this is no flood (`FloodWatch`).
    public var longestWaitMilliseconds: Int64 = 100
    public var retryAfterSeconds = 2
    /// Threads that read the store at the start.
    public var loadingThreads = 1

    public init() {}
  }

  public let cache: AnswerCache
  public let limits: Limits
  public let counters = RuntimeCounters()
  let issued: IssuedSerials
  let store: any StatusStore
  let clock: any Clock
  let hasher: any ResponseHasher
  let log: any RuntimeLog
  /// For what has to be spread, not to be secret.
  let seed: UInt64
  let failures: FailureLog
  private let known: KnownDirectory
  let queue: WorkQueue
  let pending: Mutex<PendingQuestions<any OutcomeReceiver>>
  let saver: ResponseSaver
  /// The newest revision whose changes the caches have seen.
  let applied = GrowingValue()
  /// The newest revision that somebody said was committed: wakes the follower before its next look.
  let announced = GrowingValue()
  let closing = GrowingValue()
  /// 1 once the startup pass has loaded or signed every answer.
  let startupFinished = GrowingValue()
  /// 1 once every answer that came from the store has been looked at.
  let confirmed = GrowingValue()
  let planned = Atomic<UInt64>(0)
  let scanned = Atomic<UInt64>(0)
  let followerFailing = Atomic<Bool>(false)
  let forecasts = Mutex<[RenewalForecast]>([])
  /// By issuer: answers that have ended and are not renewed, as the forecaster last saw it.
  let endedAnswers = Mutex<[IssuerIndex: Int]>([:])
  let clockWatch: Mutex<ClockWatch>
  let receiver: (any PublicationReceiver)?
  let onApplied: @Sendable () -> Void
  /// Why nothing is answered at present.
  let suspension = Mutex<String?>(nil)
  private let suspended = Atomic<Bool>(false)
  /// Whether another node knows what was issued.
  var isSuspended: Bool {
    get { suspended.load(ordering: .acquiring) }
    set { suspended.store(newValue, ordering: .releasing) }
  }
  let current: Mutex<Current>
  private let generation = Atomic<UInt64>(1)
  let crew = Mutex<SigningCrew?>(nil)
  let threads = Mutex<[NamedThread]>([])

  /// What a reload replaces.
  struct Current {
    var directory: IssuerDirectory
    /// By place.
    var counters: [PlaceCounters]
  }

  /// - Parameters:
  ///   - seed: a secret random number: the caches' hashes depend on it.
  ///   - receiver: is told of all that is signed and all that changes; nil where no other node wants to know.
  ///   - onApplied: called by the follower's thread when `appliedRevision` has grown; must not block.
  public init(
    directory: IssuerDirectory, store: any StatusStore, cacheBytes: Int, seed: UInt64, limits: Limits,
    clock: any Clock, hasher: any ResponseHasher, log: any RuntimeLog, receiver: (any PublicationReceiver)? = nil,
    onApplied: @escaping @Sendable () -> Void = {}
  ) {
    self.receiver = receiver
    self.onApplied = onApplied
    self.store = store
    self.limits = limits
    self.clock = clock
    self.hasher = hasher
    self.log = log
    self.seed = seed
    failures = FailureLog(log, clock: clock)
    clockWatch = Mutex(ClockWatch(clock))
    let known = KnownDirectory(directory)
    self.known = known
    let counters = counters
    cache = AnswerCache(
      budgetBytes: cacheBytes, seed: seed,
      proof: { prefix, credential in known.suffix(of: credential).map { hasher.sha256(prefix, $0) } },
      whenWrong: { issuer in
        counters.unusable.add(1)
        known.answersAreMissing(of: issuer)
      })
    issued = IssuedSerials(seed: ~seed)
    queue = WorkQueue(
      revocationLimit: 100_000, missLimit: limits.queueLimit, renewalLimit: 256,
      longestMissWait: Double(limits.longestWaitMilliseconds) / 1000, clock: clock, seed: seed &* 3)
    pending = Mutex(PendingQuestions(maximumEntries: limits.queueLimit + 1024, maximumWaiters: 4 * limits.queueLimit))
    saver = ResponseSaver(store: store, clock: clock, failures: failures, counters: counters)
    current = Mutex(Current(directory: directory, counters: directory.places.map { _ in PlaceCounters() }))
    _ = queue.configure(directory)
  }

  // MARK: - Whom to answer for

  /// What is in force. It is replaced as a whole by `adopt`: who needs several things of it takes it once.
  public var directory: IssuerDirectory { current.withLock { $0.directory } }

  public var issuers: IssuerTable { directory.issuers }

  public var retryAfterSeconds: Int { limits.retryAfterSeconds }

  /// Grows with every new directory: who keeps one looks whether it is still in force.
  public var directoryGeneration: UInt64 { generation.load(ordering: .acquiring) }

  /// Puts a new directory in force, made after the present one by `IssuerDirectory.make`. New answers are signed with its
  /// credentials at once; those in memory are served until their planned renewal.
  public func adopt(_ directory: IssuerDirectory) {
    let before = self.directory
    known.adopt(directory)
    queue.addPlaces(directory)
    current.withLock { current in
      current.directory = directory
      while current.counters.count < directory.places.count { current.counters.append(PlaceCounters()) }
    }
    generation.wrappingAdd(1, ordering: .releasing)
    for orphan in queue.configure(directory) { giveUp(orphan) }
    let isPolicyOther = zip(before.issuers.issuers, directory.issuers.issuers).contains { old, new in
      old.policy.unissued != new.policy.unissued
    }
    if isPolicyOther { cache.dropUnissued() }
    // Where they cannot be started now, `mend` comes back to it: the directory is in force.
    crew.withLock { $0 }?.mend()
  }

  func placeCounters(_ place: Int) -> PlaceCounters {
    current.withLock { $0.counters[place] }
  }

  // MARK: - Questions

  /// Whether the serial may have been issued: false is certain, and costs no look into the store (invariant 8).
  public func mayBeIssued(_ key: ResponseKey, by issuer: Issuer) -> Bool {
    !issuer.progress.areSerialsKnown || issued.mayContain(issuer: key.issuer, serial: key.serial) || isSuspended
  }

  /// Asks for an answer that no cache had. The receiver is told once, from another thread, or at once where the bound
  /// is reached; never twice, never not at all.
  public func ask(_ question: Question, receiver: any OutcomeReceiver) {
    let deadline = clock.monotonicNanoseconds() + limits.deadlineMilliseconds * 1_000_000
    let issuer: IssuerIndex
    let key: ResponseKey?
    switch question {
    case .cached(let wanted): (issuer, key) = (wanted.issuer, wanted)
    case .live(let live): (issuer, key) = (live.issuer, nil)
    case .unauthorized:
      receiver.receive(.unauthorized)
      return
    }
    // With no token to sign, waiting would only end in the same answer.
    guard queue.canSign(issuer) else {
      counters.unsignable.add(1)
      receiver.receive(.tryLater)
      return
    }
    let admission = pending.withLock { $0.admit(key: key, waiter: receiver, deadline: deadline) }
    switch admission {
    case .joined: counters.coalesced.add(1)
    case .refused: refuse(receiver)
    case .first(let id):
      let work: SigningWork
      if case .live(let live) = question {
        work = .live(id, live)
      } else if let key {
        work = .question(id, key)
      } else {
        return
      }
      let order = WorkQueue.Order(work, issuer: issuer, lane: .miss, isLive: key == nil)
      if !queue.push(order) {
        for receiver in pending.withLock({ $0.take(id) }) { refuse(receiver) }
      }
    }
  }

  /// Ends what nothing can sign: whoever waits is told to come later.
  func giveUp(_ order: WorkQueue.Order) {
    switch order.job {
    case .question(let id, _), .live(let id, _):
      for receiver in pending.withLock({ $0.take(id) }) {
        counters.unsignable.add(1)
        receiver.receive(.tryLater)
      }
    case .change(let key, _): issuers[key.issuer].progress.answersAreMissing()
    case .bulk(let bulk):
      let progress = issuers[bulk.issuer].progress
      for _ in bulk.next..<bulk.entries.count {
        bulk.entryHasFailed()
        bulk.entriesAreDone(1)
        if bulk.reason == .presign { progress.presigningShrinks(by: 1) }
      }
      bulkIsDone(bulk, answers: 0)
    }
  }

  /// Counts the answers that were made of a bulk in one go.
  func bulkIsDone(_ bulk: BulkSigning, answers: Int) {
    switch bulk.reason {
    case .presign: counters.presigned.add(UInt64(answers))
    case .refresh: counters.refreshes.add(UInt64(answers))
    case .change: break
    }
    // A renewal that failed is still due; of the others nobody else knows.
    if bulk.reason != .refresh, bulk.failures > 0 { issuers[bulk.issuer].progress.answersAreMissing() }
  }

  private func refuse(_ receiver: any OutcomeReceiver) {
    counters.refused.add(1)
    receiver.receive(.tryLater)
  }

  /// Gives every question past its deadline a `tryLater`.
  func sweepOverdue() {
    let now = clock.monotonicNanoseconds()
    let overdue = pending.withLock { $0.takeOverdue(now: now) }
    for receiver in overdue {
      counters.overdue.add(1)
      receiver.receive(.tryLater)
    }
  }

  // MARK: - Changes

  /// Waits until the caches have seen everything up to `revision`. False after `milliseconds`.
  public func waitUntilApplied(_ revision: Revision, milliseconds: Int64) -> Bool {
    announced.raise(to: revision.value)
    return applied.wait(for: revision.value, milliseconds: milliseconds)
  }

  /// Whether the startup pass has loaded or signed every answer.
  public var isStartupFinished: Bool { startupFinished.current > 0 }

  /// Waits until the startup pass has loaded or signed every answer. False after `milliseconds`, or when stopped.
  public func waitUntilStarted(milliseconds: Int64) -> Bool {
    startupFinished.wait(for: 1, milliseconds: milliseconds)
  }

  /// How many certificates the startup pass has found; 0 until it knows.
  public var certificatesAtStart: UInt64 { scanned.load(ordering: .relaxed) }

  /// How many answers the startup pass means to have; 0 until it knows.
  public var plannedAnswers: UInt64 {
    // While certificates are still being read, what is planned so far says nothing.
    issuers.issuers.allSatisfy { $0.isRetired || $0.progress.areSerialsKnown } ? planned.load(ordering: .relaxed) : 0
  }

  /// Whether changes cannot be read from the store at present: what is answered may be behind it.
  public var isFailingToFollow: Bool { followerFailing.load(ordering: .relaxed) }

  /// Whether signed answers cannot be kept in the store at present.
  public var isFailingToSave: Bool { saver.isFailing }

  public var appliedRevision: Revision { Revision(applied.current) }
}
