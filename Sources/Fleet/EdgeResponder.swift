import CalendarTime
import Metrics
import OCSP
public import Responder
import Synchronization

/// A node without keys and without a status store: it answers from memory, and fetches what is not there from the level
/// that nodes share.
///
/// It says `unauthorized` of what is absent only while the origin vouches that everything is there; else it asks the
/// origin for it, and says `tryLater` where that brings nothing.
/// Any thread may call.
public final class EdgeResponder: AnswerSource {
  /// Bounds.
  public struct Limits: Sendable {
    /// Questions that wait for the shared level; over it the answer is `tryLater`.
    public var questionLimit = 10_000
    /// Changes that are remembered, so that nothing older is believed.
    public var rememberedChanges = 1_000_000
    public var deadlineMilliseconds: Int64 = 2000
    public var retryAfterSeconds = 2
    /// Questions that wait for the origin, which is told of what is asked for and not there; over it the answer is
    /// `tryLater`.
    public var wantLimit = 1000
    /// As many begin to wait within a second: each costs the origin a look, and every other edge an entry to read.
    public var wantsPerSecond = 2000
    /// So long they wait.
    public var wantMilliseconds: Int64 = 500
    /// So long the stream has to be heard again before absence means anything: the origin may have something to put back, and
    /// may take longer to find the shared level again.
    public var settlingMilliseconds: Int64 = 10_000

    public init() {}
  }

  /// What is in force, and the signers that were met so far.
  struct Current {
    var directory: IssuerDirectory
    var credentials: [SigningCredential: CredentialIndex] = [:]
  }

  /// Changes that come faster than they can be fetched, and answers that the origin brings in vain, end in `tryLater`, not in
  /// a loop.
  private static let maximumRounds = 8
  /// Signers that one process may meet: each has certificates that are kept in memory.
  static let maximumCredentials = 20_000

  public let cache: AnswerCache
  public let counters = EdgeCounters()
  public var retryAfterSeconds: Int { limits.retryAfterSeconds }
  let shared: any SharedCache
  let clock: any Clock
  let hasher: any ResponseHasher
  private let limits: Limits
  private let pending: Mutex<PendingQuestions<any OutcomeReceiver>>
  let changes: Mutex<HeardChanges>
  let current: Mutex<Current>
  let generation = Atomic<UInt64>(1)
  /// Grows whenever news were missed: what was asked for before may be older than they were.
  private let epoch = Atomic<UInt64>(0)
  /// From when on what is absent counts as not issued: monotonic nanoseconds.
  private let trustsAbsenceFrom = Atomic<Int64>(.max)
  /// Questions that wait for the origin.
  private let wanted = Mutex<[ResponseKey: (id: ID, deadline: Int64, round: Int)]>([:])
  /// The present second of the monotonic clock, and how many began to wait in it.
  private let wantsOfSecond = Mutex<(second: Int64, count: Int)>((0, 0))

  /// - Parameter directory: its issuers need no keys.
  public init(
    directory: IssuerDirectory, shared: any SharedCache, cacheBytes: Int, seed: UInt64, limits: Limits,
    clock: any Clock, hasher: any ResponseHasher
  ) {
    self.shared = shared
    self.limits = limits
    self.clock = clock
    self.hasher = hasher
    cache = AnswerCache(budgetBytes: cacheBytes, seed: seed)
    pending = Mutex(
      PendingQuestions(maximumEntries: limits.questionLimit, maximumWaiters: 4 * limits.questionLimit))
    changes = Mutex(HeardChanges(limit: limits.rememberedChanges))
    current = Mutex(Current(directory: directory))
  }

  /// Puts other issuers in force. Those that are there keep their numbers, and their answers in memory.
  public func adopt(_ settings: [IssuerSettings], surrogateKeyFields: [SurrogateKeyField] = []) throws {
    try current.withLock { current in
      current.directory = try IssuerDirectory.ofEdge(
        settings, after: current.directory, surrogateKeyFields: surrogateKeyFields)
    }
    generation.wrappingAdd(1, ordering: .releasing)
  }

  // MARK: - What the HTTP side asks

  public var directory: IssuerDirectory { current.withLock { $0.directory } }
  public var directoryGeneration: UInt64 { generation.load(ordering: .acquiring) }

  /// Nobody here knows what was issued.
  public func mayBeIssued(_ key: ResponseKey, by issuer: Issuer) -> Bool { true }

  public func ask(_ question: Question, receiver: any OutcomeReceiver) {
    guard case .cached(let key) = question else {
      // Nothing can be signed here: not for a nonce, which is left out, nor for several certificates at once.
      receiver.receive(.unauthorized)
      return
    }
    let deadline = clock.monotonicNanoseconds() + limits.deadlineMilliseconds * 1_000_000
    switch pending.withLock({ $0.admit(key: key, waiter: receiver, deadline: deadline) }) {
    case .joined: counters.coalesced.add(1)
    case .refused:
      counters.refused.add(1)
      receiver.receive(.tryLater)
    case .first(let id): fetch(id, key, round: 0, isVouched: false)
    }
  }

  /// Tells those whose deadline has passed to come later. To be called a few times a second.
  public func sweepOverdue() {
    let now = clock.monotonicNanoseconds()
    let vain = wanted.withLock { wanted -> [ID] in
      guard !wanted.isEmpty else { return [] }
      let overdue = wanted.filter { $0.value.deadline <= now }
      for key in overdue.keys { wanted[key] = nil }
      return overdue.values.map(\.id)
    }
    for receiver in pending.withLock({ pending in pending.takeOverdue(now: now) + vain.flatMap { pending.take($0) } }) {
      counters.overdue.add(1)
      receiver.receive(.tryLater)
    }
  }

  /// Tells everybody who waits to come later: the process ends.
  public func close() {
    for receiver in pending.withLock({ $0.takeOverdue(now: .max) }) { receiver.receive(.tryLater) }
  }

  // MARK: - Fetching

  private typealias ID = PendingQuestions<any OutcomeReceiver>.ID

  /// - Parameter isVouched: whether the origin has just said in its news that what is there counts.
  private func fetch(_ id: ID, _ key: ResponseKey, round: Int, isVouched: Bool) {
    let issuer = directory.issuers[key.issuer]
    let sharedKey = issuer.sharedKey(key)
    // Before it is read: what is heard meanwhile is then seen to be newer.
    let begin = Begin(asOf: changes.withLock { $0.newest }, epoch: epoch.load(ordering: .acquiring))
    shared.fetch(sharedKey) { [self] result in
      switch fetched(result, key, sharedKey, issuer, begin, isVouched: isVouched) {
      case .wanted where round + 1 < EdgeResponder.maximumRounds && addWant(key, id, round: round):
        shared.want(sharedKey)
      case .wanted: for receiver in pending.withLock({ $0.take(id) }) { receiver.receive(.tryLater) }
      case .done(let outcome): for receiver in pending.withLock({ $0.take(id) }) { receiver.receive(outcome) }
      case .again where round + 1 < EdgeResponder.maximumRounds:
        fetch(id, key, round: round + 1, isVouched: isVouched)
      case .again: for receiver in pending.withLock({ $0.take(id) }) { receiver.receive(.tryLater) }
      }
    }
  }

  /// False over the bound.
  private func addWant(_ key: ResponseKey, _ id: ID, round: Int) -> Bool {
    let second = clock.monotonicNanoseconds() / 1_000_000_000
    let isWithinRate = wantsOfSecond.withLock { wants in
      if wants.second != second { wants = (second, 0) }
      wants.count += 1
      return wants.count <= limits.wantsPerSecond
    }
    guard isWithinRate else { return false }
    counters.wanted.add(1)
    return wanted.withLock { wanted in
      guard wanted.count < limits.wantLimit else { return false }
      wanted[key] = (id, clock.monotonicNanoseconds() + limits.wantMilliseconds * 1_000_000, round)
      return true
    }
  }

  /// What was known when a fetch began.
  private struct Begin {
    var asOf: Revision
    var epoch: UInt64
  }

  private enum Fetched {
    case done(QuestionOutcome)
    case again
    /// The origin has to be asked.
    case wanted
  }

  private func fetched(
    _ result: Result<SharedLookup, SharedCacheError>, _ key: ResponseKey, _ sharedKey: SharedKey, _ issuer: Issuer,
    _ begin: Begin, isVouched: Bool
  ) -> Fetched {
    switch result {
    case .failure:
      counters.failures.add(1)
      return .done(remembered(key))
    case .success(.absent(let completeUntil)):
      counters.absent.add(1)
      // Of what was never issued there is no news: where there was some, its answer has yet to be signed.
      let isKnownUnissued =
        trustsAbsence && completeUntil.map { clock.now() < $0 } ?? false
        && changes.withLock { $0.revision(of: sharedKey) } == .zero
      // A certificate that was issued a moment ago: its news has come, and what was read is older.
      guard cache.isCurrent(key, asOf: begin.asOf) else { return .again }
      // What memory has came with news that the shared level has lost.
      if let held = cache.answer(key, now: clock.now()) { return .done(.answer(held)) }
      return isKnownUnissued ? .done(.unauthorized) : .wanted
    case .success(.held(let octets)):
      guard let (answer, isSignedAhead) = checked(octets, key, sharedKey, issuer) else {
        // The origin puts it right.
        return cache.answer(key, now: clock.now()).map { .done(.answer($0)) } ?? .wanted
      }
      // An origin signs anew what it signs ahead. What it signed on demand stays there after a change, and who has not
      // heard of that change must ask.
      guard isVouched || isSignedAhead || cache.peek(key) != nil else { return .wanted }
      switch cache.publish(answer, asOf: begin.asOf, now: clock.now()) {
      case .stored, .notKept:
        // Looked at after it is in memory: whoever misses news says so before it empties memory.
        guard epoch.load(ordering: .acquiring) == begin.epoch else {
          cache.drop(key, digest: answer.digest)
          return .again
        }
        counters.fetched.add(1)
        return .done(.answer(answer))
      case .superseded:
        // What is in memory came with the news, and the shared level has not got it yet, or has lost it.
        return .done(remembered(key))
      case .readStatusAgain: return .again
      }
    }
  }

  /// What memory has by now, where the shared level is of no use.
  private func remembered(_ key: ResponseKey) -> QuestionOutcome {
    cache.answer(key, now: clock.now()).map { .answer($0) } ?? .tryLater
  }

  // MARK: - News

  /// News were missed: nothing that was learnt before may be served.
  func forgetAll() {
    epoch.wrappingAdd(1, ordering: .acquiringAndReleasing)
    cache.dropAll()
  }

  /// Nothing older than the revision may be said of the certificate any more.
  func fence(_ key: ResponseKey, _ sharedKey: SharedKey, _ revision: Revision) {
    changes.withLock { $0.hear(sharedKey, revision) }
    for algorithm in HashAlgorithm.allCases {
      cache.fence(
        ResponseKey(issuer: key.issuer, hashAlgorithm: algorithm, serial: key.serial), revision: revision)
    }
  }

  /// Takes an answer in that came with news which have been applied.
  func take(_ answer: Answer) {
    _ = cache.publish(answer, asOf: changes.withLock { $0.newest }, now: clock.now())
  }

  /// The stream of news is heard or not.
  ///
  /// - Parameter isAgain: whether it was heard before, so that something may be on its way back.
  func isListening(_ isListening: Bool, isAgain: Bool) {
    let wait = isAgain ? limits.settlingMilliseconds * 1_000_000 : 0
    trustsAbsenceFrom.store(isListening ? clock.monotonicNanoseconds() + wait : .max, ordering: .releasing)
  }

  private var trustsAbsence: Bool {
    clock.monotonicNanoseconds() >= trustsAbsenceFrom.load(ordering: .acquiring)
  }

  /// The origin has said that a serial somebody asked for was never issued.
  func isUnissued(_ key: ResponseKey) {
    guard let id = wanted.withLock({ $0.removeValue(forKey: key)?.id }) else { return }
    for receiver in pending.withLock({ $0.take(id) }) { receiver.receive(.unauthorized) }
  }

  /// Whether somebody waits for the origin to bring it; then it is fetched.
  func fetchIfWanted(_ key: ResponseKey) -> Bool {
    guard let wait = wanted.withLock({ $0.removeValue(forKey: key) }) else { return false }
    // Where reading does not find what the origin says is there, as at a replica that is behind, it ends some time.
    fetch(wait.id, key, round: wait.round + 1, isVouched: true)
    return true
  }

  /// Fetches what memory holds in an older version.
  func renew(_ key: ResponseKey) {
    let deadline = clock.monotonicNanoseconds() + limits.deadlineMilliseconds * 1_000_000
    // Nobody waits for it; who asks meanwhile is taken in.
    if case .first(let id) = pending.withLock({ $0.admit(key: key, waiter: nil, deadline: deadline) }) {
      fetch(id, key, round: 0, isVouched: true)
    }
  }
}
