import CalendarTime
import EventLoop
public import Responder
import Synchronization

/// Takes messages of feeds into the status store, in groups: each group is one commit, and who has sent a message hears of it
/// once the commit is on the disk and this node's caches hold nothing older (invariant 2).
///
/// Any thread may submit. Two threads work: `intake` commits while `acknowledge` waits until what was committed before is
/// applied.
public final class EventIntake: Sendable {
  public struct Limits: Sendable {
    /// Messages that wait to be committed, and certificates in them.
    public var messages = 10_000
    public var certificates = 500_000
    /// Of these, how many one issuer may have: a feed that floods keeps out no other.
    public var messagesOfAnIssuer = 5000
    public var certificatesOfAnIssuer = 300_000
    /// What goes into one commit: others wait for the database meanwhile.
    public var messagesOfACommit = 1000
    public var certificatesOfACommit = 50_000
    /// Commits that wait to be applied; one more waits for them, for as long as they may take.
    public var commitsAhead = 16
    /// So long a commit may take to be applied before its senders are told to come again, in milliseconds, those before it
    /// included.
    public var appliedMilliseconds: Int64 = 10_000
    /// So long the name of a message is remembered, in seconds.
    public var remembersSeconds: Int64 = 30 * 86_400

    public init() {}
  }

  /// How a message ended.
  public enum Result: Sendable {
    /// Durable, and applied where it changes anything.
    case settled(MessageOutcome)
    /// Nothing of it is in the store; it may be sent again.
    case failed(String)
    /// It is in the store, and not applied yet; it may be sent again.
    case notApplied
  }

  /// Why a message is not taken in at all.
  public enum Refusal: Error, Sendable, Hashable {
    case full
    case tooManyOfTheIssuer
    case stopping
  }

  public typealias Completion = @Sendable (Result) -> Void

  private struct Waiting {
    var message: StatusMessage
    var completion: Completion
  }

  private struct State {
    var waiting: [Waiting] = []
    var certificates = 0
    var byIssuer: [StoreIssuerID: (messages: Int, certificates: Int)] = [:]
    /// Handed over by so many submissions: wakes the thread.
    var arrivals: UInt64 = 0
    var isStopping = false
  }

  /// A group whose commit is on the disk.
  private struct Committed {
    var revision: Revision?
    /// Monotonic nanoseconds, by which it is to be applied.
    var limit: Int64
    var entries: [(completion: Completion, outcome: MessageOutcome)]
  }

  private struct Acknowledgements {
    var waiting: [Committed] = []
    var arrivals: UInt64 = 0
    var isOver = false
  }

  public let counters = IntakeCounters()
  private let store: any StatusStore
  private let applied: any AppliedRevisions
  private let clock: any Clock
  private let limits: Limits
  private let refusal: @Sendable () -> String?
  private let state = Mutex(State())
  private let arrived = GrowingValue()
  private let acknowledgements = Mutex(Acknowledgements())
  private let acknowledged = GrowingValue()
  private let committed = GrowingValue()
  private let threads = Mutex<[NamedThread]>([])

  /// - Parameters:
  ///   - applied: whose caches must have seen a change before it is acknowledged.
  ///   - refusal: why nothing is to be taken at present; asked before each commit, and before what was committed is
  ///     acknowledged: a node that is the origin no longer would tell nobody.
  public init(
    store: any StatusStore, applied: any AppliedRevisions, clock: any Clock, limits: Limits = Limits(),
    refusal: @escaping @Sendable () -> String? = { nil }
  ) {
    self.refusal = refusal
    self.store = store
    self.applied = applied
    self.clock = clock
    self.limits = limits
  }

  public func start() throws(StoreError) {
    let session = SessionOfOneThread(try store.openSession())
    let intake = NamedThread(name: "intake") { self.run(session.value) }
    let acknowledge = NamedThread(name: "acknowledge") { self.acknowledge() }
    threads.withLock { $0 = [intake, acknowledge] }
  }

  /// Takes nothing more, settles what waits, and returns once that is done.
  public func stop() {
    state.withLock { $0.isStopping = true }
    arrived.close()
    let running = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in running { thread.join() }
  }

  /// Has a message taken in.
  ///
  /// - Parameter completion: called once, by a thread of the intake; must not block.
  public func submit(_ message: StatusMessage, completion: @escaping Completion) throws(Refusal) {
    let refusal = state.withLock { state -> Refusal? in
      if state.isStopping { return .stopping }
      let count = message.certificateCount
      // One message alone may be larger than all that may wait.
      guard state.waiting.count < limits.messages,
        state.waiting.isEmpty || state.certificates + count <= limits.certificates
      else { return .full }
      let held = state.byIssuer[message.issuer] ?? (0, 0)
      guard held.messages < limits.messagesOfAnIssuer,
        held.messages == 0 || held.certificates + count <= limits.certificatesOfAnIssuer
      else { return .tooManyOfTheIssuer }
      state.byIssuer[message.issuer] = (held.messages + 1, held.certificates + count)
      state.certificates += count
      state.waiting.append(Waiting(message: message, completion: completion))
      state.arrivals += 1
      return nil
    }
    if let refusal {
      counters.refused.add(1)
      throw refusal
    }
    arrived.raise(to: state.withLock { $0.arrivals })
  }

  /// Messages that wait to be committed, and certificates in them.
  public var backlog: (messages: Int, certificates: Int) {
    state.withLock { ($0.waiting.count, $0.certificates) }
  }

  // MARK: - Committing

  private func run(_ session: any StatusStoreSession) {
    var nextForgetting = Int64.min
    while true {
      let seen = state.withLock { $0.arrivals }
      forget(session, &nextForgetting)
      let group = takeGroup()
      if group.isEmpty {
        if state.withLock({ $0.isStopping && $0.waiting.isEmpty }) { break }
        let isForgetting = nextForgetting <= clock.monotonicNanoseconds()
        _ = arrived.wait(for: seen + 1, milliseconds: isForgetting ? 1 : 60_000)
        continue
      }
      commit(group, session)
    }
    let count = acknowledgements.withLock { held in
      held.isOver = true
      held.arrivals += 1
      return held.arrivals
    }
    committed.raise(to: count)
  }

  private func takeGroup() -> [Waiting] {
    state.withLock { state in
      var count = 0
      var certificates = 0
      for waiting in state.waiting {
        let more = waiting.message.certificateCount
        guard count < limits.messagesOfACommit,
          count == 0 || certificates + more <= limits.certificatesOfACommit
        else { break }
        count += 1
        certificates += more
      }
      let group = Array(state.waiting.prefix(count))
      state.waiting.removeFirst(count)
      state.certificates -= certificates
      for entry in group {
        let held = state.byIssuer[entry.message.issuer] ?? (1, entry.message.certificateCount)
        state.byIssuer[entry.message.issuer] =
          held.messages == 1 ? nil : (held.messages - 1, held.certificates - entry.message.certificateCount)
      }
      return group
    }
  }

  private func commit(_ group: [Waiting], _ session: any StatusStoreSession) {
    if let why = refusal() { return fail(group, why) }
    let outcomes: [MessageOutcome]
    do {
      outcomes = try session.take(group.map(\.message), at: clock.now())
    } catch {
      // Where the store has something against one of them, the others are not to suffer for it.
      guard group.count > 1, error.kind == .corrupt || error.kind == .misuse else {
        return fail(group, error.description)
      }
      for entry in group { commit([entry], session) }
      return
    }
    counters.count(outcomes)
    let revision = outcomes.compactMap(\.receipt?.revision).max()
    let entries = zip(group, outcomes).map { (completion: $0.completion, outcome: $1) }
    let count = acknowledgements.withLock { held in
      let limit = clock.monotonicNanoseconds() + limits.appliedMilliseconds * 1_000_000
      held.waiting.append(Committed(revision: revision, limit: limit, entries: entries))
      held.arrivals += 1
      return held.arrivals
    }
    committed.raise(to: count)
    // Who commits faster than is applied waits here, and senders are told that the queue is full.
    if count > UInt64(limits.commitsAhead) {
      _ = acknowledged.wait(for: count - UInt64(limits.commitsAhead), milliseconds: 2 * limits.appliedMilliseconds)
    }
  }

  private func fail(_ group: [Waiting], _ why: String) {
    for entry in group { entry.completion(.failed(why)) }
  }

  private static let forgettingNanoseconds: Int64 = 60_000_000_000

  /// Some of the oldest messages, now and then.
  private func forget(_ session: any StatusStoreSession, _ next: inout Int64) {
    let now = clock.monotonicNanoseconds()
    guard now >= next else { return }
    let limit = clock.now().advanced(bySeconds: -limits.remembersSeconds)
    // What cannot be forgotten now can be later.
    let count = (try? session.forgetMessages(before: limit)) ?? 0
    next = count > 0 ? now : now + EventIntake.forgettingNanoseconds
  }

  // MARK: - Acknowledging

  private func acknowledge() {
    var done: UInt64 = 0
    while true {
      _ = committed.wait(for: done + 1, milliseconds: 60_000)
      let (groups, isOver) = acknowledgements.withLock { held in
        defer { held.waiting = [] }
        return (held.waiting, held.isOver)
      }
      for group in groups {
        acknowledge(group)
        done += 1
        acknowledged.raise(to: done)
      }
      if isOver, groups.isEmpty || acknowledgements.withLock({ $0.waiting.isEmpty }) { return }
    }
  }

  private func acknowledge(_ group: Committed) {
    let left = max(1, (group.limit - clock.monotonicNanoseconds()) / 1_000_000)
    var isApplied = group.revision.map { applied.waitUntilApplied($0, milliseconds: left) } ?? true
    if refusal() != nil { isApplied = false }
    for (completion, outcome) in group.entries {
      completion(isApplied || outcome.receipt == nil ? .settled(outcome) : .notApplied)
    }
  }
}

/// Hands a session to the one thread that will use it.
private struct SessionOfOneThread: @unchecked Sendable {
  let value: any StatusStoreSession

  init(_ value: any StatusStoreSession) {
    self.value = value
  }
}

extension MessageOutcome {
  var receipt: MessageReceipt? {
    switch self {
    case .taken(let receipt), .repeated(let receipt): receipt
    case .contradicted, .idTaken: nil
    }
  }
}
