public import Responder
import Synchronization

/// Has caches in front of the responder forget what is not true any more: a thread for each of them.
///
/// Orders are in the store, put in line with the changes themselves; nothing is lost with the process. Any thread may call.
public final class Purger: Sendable {
  private struct State {
    var lanes: [PurgeLane] = []
    var isRunning = false
  }

  private let context: PurgeContext
  private let state = Mutex(State())

  /// - Parameter mayPurge: whether nobody can get the old answer from this fleet any more. Where it says no, somebody calls
  ///   `ring` when it may say yes.
  public init(
    store: any StatusStore, clock: any Clock, log: PurgeLog, mayPurge: @escaping @Sendable (PurgeOrder) -> Bool
  ) {
    context = PurgeContext(store: store, clock: clock, log: log, mayPurge: mayPurge)
  }

  /// Puts other caches and issuers in force. From here on changes are put in line for these caches; what waits for one that
  /// is not named any more is dropped, which the log says. A cache that stays the same goes on with what it does, and tries at
  /// once what it had put off.
  ///
  /// - Throws: where the store cannot be opened or written, and then nothing has changed.
  public func adopt(_ caches: [PurgeCache], subjects: [StoreIssuerID: PurgeSubject]) throws {
    let present = Set(state.withLock { $0.lanes.map(\.cache) })
    let new = try caches.filter { !present.contains($0) }.map { cache in
      try PurgeLane(cache, context, counters: context.counters(of: cache.name))
    }
    let cached = subjects.filter { $0.value.issuer.policy.unissued != .unauthorized }
    let plan = PurgePlan(caches: Set(caches.map(\.name)), issuersCachedUnissued: Set(cached.keys))
    tell(try context.store.openSession().setPurgePlan(plan))
    // Nothing can go wrong from here on.
    context.set(subjects)
    let (gone, kept, isRunning) = state.withLock { state -> ([PurgeLane], [PurgeLane], Bool) in
      let gone = state.lanes.filter { !caches.contains($0.cache) }
      let kept = state.lanes.filter { caches.contains($0.cache) }
      state.lanes = kept + new
      return (gone, kept, state.isRunning)
    }
    for lane in gone { lane.close() }
    for lane in gone { lane.join() }
    for lane in kept { lane.hurry() }
    if isRunning { for lane in new { lane.start() } }
  }

  private func tell(_ change: PurgePlanChange) {
    for name in change.added.sorted() {
      context.log.info(
        "purge '\(name)': from now on it is told what changes; what changed before, it may still have: empty it once")
    }
    for (name, count) in change.dropped.sorted(by: { $0.key < $1.key }) {
      context.log.warning(
        "purge '\(name)' is configured no more: \(count) certificates that waited for it are not purged there")
    }
  }

  /// Starts the threads.
  public func start() {
    let lanes = state.withLock { state in
      state.isRunning = true
      return state.lanes
    }
    for lane in lanes { lane.start() }
  }

  /// There may be something to purge that was not, or could not be, before.
  public func ring() {
    for lane in state.withLock({ $0.lanes }) { lane.ring() }
  }

  /// Ends the threads. What waits or is under way stays in the store.
  public func stop() {
    let lanes = state.withLock { state in
      defer { (state.lanes, state.isRunning) = ([], false) }
      return state.lanes
    }
    for lane in lanes { lane.close() }
    for lane in lanes { lane.join() }
  }

  /// How each cache stands.
  public var reports: [PurgeReport] { state.withLock { $0.lanes }.map(\.report) }
}

/// What the lanes have in common.
final class PurgeContext: Sendable {
  let store: any StatusStore
  let clock: any Clock
  let log: PurgeLog
  let mayPurge: @Sendable (PurgeOrder) -> Bool
  private let held = Mutex<[StoreIssuerID: PurgeSubject]>([:])
  /// Outlive a lane that a reload has replaced.
  private let counted = Mutex<[String: PurgeCounters]>([:])

  init(
    store: any StatusStore, clock: any Clock, log: PurgeLog, mayPurge: @escaping @Sendable (PurgeOrder) -> Bool
  ) {
    self.store = store
    self.clock = clock
    self.log = log
    self.mayPurge = mayPurge
  }

  var subjects: [StoreIssuerID: PurgeSubject] { held.withLock { $0 } }
  func set(_ subjects: [StoreIssuerID: PurgeSubject]) { held.withLock { $0 = subjects } }

  func counters(of cache: String) -> PurgeCounters {
    counted.withLock { counted in
      if let known = counted[cache] { return known }
      let made = PurgeCounters()
      counted[cache] = made
      return made
    }
  }
}
