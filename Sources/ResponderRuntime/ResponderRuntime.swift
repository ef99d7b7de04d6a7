import CalendarTime
import EventLoop
import OCSP
public import Responder
import Synchronization

/// The responder at work: the caches, the pending questions and the threads that sign, follow changes and refresh.
///
/// `start` opens the store for each thread and starts them; `stop` ends them. Everything else may be called by any
/// thread.
public final class ResponderRuntime: Sendable {
  /// Bounds and numbers of threads.
  public struct Limits: Sendable {
    public var signingThreads = 2
    /// Questions that wait for a signature; over it the answer is `tryLater`.
    public var queueLimit = 10_000
    /// Milliseconds after which a question that waits is answered `tryLater`.
    public var deadlineMilliseconds: Int64 = 10_000
    public var retryAfterSeconds = 2

    public init() {}
  }

  public let issuers: IssuerTable
  public let cache: AnswerCache
  public let limits: Limits
  public let counters = RuntimeCounters()
  let issued: IssuedSerials
  let store: any StatusStore
  let clock: any Clock
  let hasher: any ResponseHasher
  let log: any RuntimeLog
  let failures: FailureLog
  let queue: WorkQueue<SigningJob>
  let pending: Mutex<PendingQuestions<any OutcomeReceiver>>
  let saver: ResponseSaver
  /// The newest revision whose changes the caches have seen.
  let applied = GrowingValue()
  /// The newest revision that somebody said was committed: wakes the follower before its next look.
  let announced = GrowingValue()
  let closing = GrowingValue()
  /// 1 once the startup pass has loaded or signed every answer.
  let startupFinished = GrowingValue()
  let issuedSetComplete = Atomic<Bool>(false)
  let planned = Atomic<UInt64>(0)
  let scanned = Atomic<UInt64>(0)
  /// Answers of the startup pass that are queued or being signed.
  let presigning = Atomic<Int>(0)
  let followerFailing = Atomic<Bool>(false)
  let suffixes: [[UInt8]]
  private let threads = Mutex<[NamedThread]>([])

  public init(
    issuers: IssuerTable, store: any StatusStore, cacheBytes: Int, seed: UInt64, limits: Limits, clock: any Clock,
    hasher: any ResponseHasher, log: any RuntimeLog
  ) {
    self.issuers = issuers
    self.store = store
    self.limits = limits
    self.clock = clock
    self.hasher = hasher
    self.log = log
    failures = FailureLog(log)
    cache = AnswerCache(budgetBytes: cacheBytes, seed: seed)
    issued = IssuedSerials(seed: ~seed)
    queue = WorkQueue(revocationLimit: 100_000, missLimit: limits.queueLimit, refreshLimit: 4096)
    pending = Mutex(PendingQuestions(maximumEntries: limits.queueLimit + 1024, maximumWaiters: 4 * limits.queueLimit))
    saver = ResponseSaver(store: store, log: log, counters: counters)
    suffixes = issuers.issuers.map { BasicOCSPResponse.certificatesSuffix($0.certificates) }
  }

  /// The octets that end every response of an issuer: its embedded certificates.
  public func certificatesSuffix(_ issuer: IssuerIndex) -> [UInt8] {
    suffixes[Int(issuer.value)]
  }

  // MARK: - Questions

  /// Whether the serial may have been issued: false is certain, and costs no look into the store (invariant 8).
  public func mayBeIssued(_ key: ResponseKey) -> Bool {
    !isIssuedSetComplete || issued.mayContain(issuer: key.issuer, serial: key.serial)
  }

  /// Whether the startup scan has seen every certificate; until then every question looks into the store.
  public var isIssuedSetComplete: Bool { issuedSetComplete.load(ordering: .acquiring) }

  /// Asks for an answer that no cache had. The receiver is told once, from another thread, or at once where the bound
  /// is reached; never twice, never not at all.
  public func ask(_ question: Question, receiver: any OutcomeReceiver) {
    let deadline = MonotonicTime.now().advanced(byMilliseconds: limits.deadlineMilliseconds).nanoseconds
    let key: ResponseKey? = if case .cached(let key) = question { key } else { nil }
    let admission = pending.withLock { $0.admit(key: key, waiter: receiver, deadline: deadline) }
    switch admission {
    case .joined: counters.coalesced.add(1)
    case .refused: refuse(receiver)
    case .first(let id):
      let job: SigningJob
      switch question {
      case .cached(let key): job = .question(id, key)
      case .live(let live): job = .live(id, live)
      case .unauthorized:
        for receiver in pending.withLock({ $0.take(id) }) { receiver.receive(.unauthorized) }
        return
      }
      if !queue.push(job, lane: .miss) {
        for receiver in pending.withLock({ $0.take(id) }) { refuse(receiver) }
      }
    }
  }

  private func refuse(_ receiver: any OutcomeReceiver) {
    counters.refused.add(1)
    receiver.receive(.tryLater)
  }

  /// Gives every question past its deadline a `tryLater`.
  func sweepOverdue() {
    let now = MonotonicTime.now().nanoseconds
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
    guard isIssuedSetComplete else { return 0 }
    return planned.load(ordering: .relaxed)
  }

  /// Whether changes cannot be read from the store at present: what is answered may be behind it.
  public var isFailingToFollow: Bool { followerFailing.load(ordering: .relaxed) }

  public var appliedRevision: Revision { Revision(applied.current) }

  // MARK: - Life

  /// Starts the threads. Throws where the store cannot be opened or a signer does not work.
  public func start() throws {
    for issuer in issuers.issuers { _ = try issuer.signer.openSession() }
    let first = try store.openSession()
    applied.raise(to: try first.latestRevision().value)
    var started: [NamedThread] = []
    for number in 0..<limits.signingThreads {
      let worker = try SigningWorker(runtime: self, session: store.openSession())
      started.append(NamedThread(name: "sign-\(number)") { worker.run() })
    }
    let follower = try ChangeFollower(runtime: self, session: store.openSession())
    started.append(NamedThread(name: "changes") { follower.run() })
    let changeSigner = try ChangeSigner(runtime: self, session: store.openSession())
    started.append(NamedThread(name: "change-sign") { changeSigner.run() })
    let loader = try StartupLoader(runtime: self, session: store.openSession())
    let refresher = try Refresher(runtime: self, session: store.openSession())
    started.append(
      NamedThread(name: "refresh") {
        loader.run()
        refresher.run()
      })
    started.append(
      NamedThread(name: "sweep") { [self] in
        while !closing.wait(for: 1, milliseconds: 250) { sweepOverdue() }
      })
    let saver = self.saver
    started.append(NamedThread(name: "save") { saver.run() })
    threads.withLock { $0 = started }
  }

  /// Ends the threads; what is half signed is given up, what is signed is saved.
  public func stop() {
    closing.raise(to: 1)
    announced.close()
    queue.close()
    saver.close()
    let running = threads.withLock { threads -> [NamedThread] in
      defer { threads = [] }
      return threads
    }
    for thread in running { thread.join() }
    for receiver in pending.withLock({ $0.takeOverdue(now: .max) }) { receiver.receive(.tryLater) }
  }

  var isStopping: Bool { closing.current > 0 }
}

/// Who is told how a question ended. Called once, by a signing thread; must not block.
public protocol OutcomeReceiver: Sendable {
  func receive(_ outcome: QuestionOutcome)
}

/// How a question ended, as its asker sees it.
public enum QuestionOutcome: Sendable {
  case answer(Answer)
  /// A response made for one request alone, with its times.
  case live(octets: [UInt8], times: AnswerTimes)
  case unauthorized
  case tryLater
}
