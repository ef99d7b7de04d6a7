import EventLoop
import Fleet
import Purge
import Responder
import ResponderRuntime
import SQLiteStore
import Synchronization

/// How an origin has the caches in front of its fleet forget what is not true any more.
final class OriginPurging: Sendable {
  /// So long after a start it is waited for other nodes to hear what was committed before it.
  private static let catchingUpMilliseconds: Int64 = 10_000

  private struct Parts {
    var runtime: ResponderRuntime?
    /// Nil where there is no fleet.
    var fleet: OriginFleet?
    var indexes: [StoreIssuerID: IssuerIndex] = [:]
    /// The newest change before the start, and until when other nodes may not have heard of those.
    var revisionAtStart = Revision.zero
    var catchingUpUntil: MonotonicTime?
  }

  private let parts: PartsBox
  let purger: Purger

  init(_ store: SQLiteStore, log: TerminalLog) {
    let parts = PartsBox()
    self.parts = parts
    purger = Purger(
      store: store, clock: SystemClock(), log: PurgeLog(info: { log.info($0) }, warning: { log.warning($0) })
    ) { parts.mayPurge($0) }
  }

  private final class PartsBox: Sendable {
    private let held = Mutex(Parts())

    func set(_ change: (inout Parts) -> Void) { held.withLock { change(&$0) } }

    /// Whether nobody of this fleet gives out the old answer any more: a cache that forgets it earlier may come and get it.
    func mayPurge(_ order: PurgeOrder) -> Bool {
      let parts = held.withLock { $0 }
      guard let runtime = parts.runtime, runtime.suspensionReason == nil, runtime.appliedRevision >= order.revision
      else {
        return false
      }
      guard let fleet = parts.fleet, let index = parts.indexes[order.issuer] else { return true }
      // It may have been committed and told to nobody, by the process before this one: the walk over all answers mends that.
      if order.revision <= parts.revisionAtStart, let until = parts.catchingUpUntil, MonotonicTime.now() < until,
        fleet.completeIssuers < parts.indexes.count
      {
        return false
      }
      return fleet.publisher.isTold(order.serial, of: index)
    }
  }

  /// Puts caches and issuers in force: from here on changes are put in line.
  ///
  /// - Throws: where the store does not take it, and then nothing has changed.
  func adopt(_ parties: PurgeParties, _ directory: IssuerDirectory) throws {
    try purger.adopt(parties.caches, subjects: parties.subjects)
    let indexes = directory.issuers.issuers.filter { !$0.isRetired }.map { ($0.storeID, $0.index) }
    parts.set { $0.indexes = Dictionary(uniqueKeysWithValues: indexes) }
  }

  func start(_ runtime: ResponderRuntime, _ fleet: OriginFleet?) {
    parts.set { parts in
      (parts.runtime, parts.fleet) = (runtime, fleet)
      parts.revisionAtStart = runtime.appliedRevision
      parts.catchingUpUntil = MonotonicTime.now().advanced(byMilliseconds: OriginPurging.catchingUpMilliseconds)
    }
    purger.start()
  }

  func ring() { purger.ring() }

  func stop() { purger.stop() }

  /// What an operator should know, a sentence each.
  var warnings: [String] { purger.reports.compactMap(\.trouble) }
}
