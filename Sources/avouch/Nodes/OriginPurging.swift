import Fleet
import Purge
import Responder
import ResponderRuntime
import SQLiteStore
import Synchronization

/// How an origin has the caches in front of its fleet forget what is not true any more.
final class OriginPurging: Sendable {
  private struct Parts {
    var runtime: ResponderRuntime?
    /// Nil where there is no fleet.
    var publisher: AnswerPublisher?
    var indexes: [StoreIssuerID: IssuerIndex] = [:]
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
      guard let publisher = parts.publisher, let index = parts.indexes[order.issuer] else { return true }
      return publisher.isTold(order.serial, of: index)
    }
  }

  /// Puts caches and issuers in force: from here on changes are put in line.
  func adopt(_ parties: PurgeParties, _ directory: IssuerDirectory) throws {
    let indexes = directory.issuers.issuers.filter { !$0.isRetired }.map { ($0.storeID, $0.index) }
    parts.set { $0.indexes = Dictionary(uniqueKeysWithValues: indexes) }
    try purger.adopt(parties.caches, subjects: parties.subjects)
  }

  func start(_ runtime: ResponderRuntime, _ publisher: AnswerPublisher?) throws {
    parts.set { ($0.runtime, $0.publisher) = (runtime, publisher) }
    try purger.start()
  }

  func ring() { purger.ring() }

  func stop() { purger.stop() }

  /// What an operator should know, a sentence each.
  var warnings: [String] { purger.reports.compactMap(\.trouble) }
}
