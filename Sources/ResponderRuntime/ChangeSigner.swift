import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder

/// Signs ahead what changed, as fast as the signers take it, behind the follower.
///
/// Where they do not take it, for want of a token that signs or because a large import is more than it can do at once, the
/// loader fills the gaps later: changes of other issuers do not wait.
final class ChangeSigner: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private static let page = 1024
  private static let orderSize = 64
  /// So many orders are kept in mind before it is looked which of them are signed by now.
  private static let handedAtOnce = 1024
  private static let longestPauseNanoseconds: Int64 = 1_000_000_000
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private var position: ChangePosition
  /// Whether the last page was full: one revision may have more changes than that.
  private var isInTheMiddle = false
  /// What the schedule had no room for, and since when.
  private var waiting: [IssuerIndex: (orders: [WorkQueue.Order], since: Int64)] = [:]
  /// Issuers of which more has changed than is signed at once, and what was handed over of theirs since.
  private var behind: Set<IssuerIndex> = []
  private var handed: [BulkSigning] = []

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
    position = ChangePosition(after: runtime.appliedRevision)
  }

  func run() {
    while !runtime.isStopping {
      do {
        if try turn() { continue }
      } catch {
        // The follower says so in the log; the answers are signed on demand meanwhile.
        runtime.counters.storeFailures.add(1)
        _ = runtime.closing.wait(for: 1, milliseconds: 1000)
        continue
      }
      if waiting.isEmpty {
        _ = runtime.applied.wait(for: position.revision.value + 1, milliseconds: 500)
      } else {
        _ = runtime.closing.wait(for: 1, milliseconds: 5)
      }
    }
  }

  /// Gives the signers a page of what changed. False where it has to wait, for changes or for room.
  func turn() throws(StoreError) -> Bool {
    guard handWaiting() else { return false }
    let target = runtime.appliedRevision
    guard isInTheMiddle || target > position.revision else {
      noteCaughtUp()
      return false
    }
    let asOf = try session.latestRevision()
    let changes = try session.changes(after: position, limit: ChangeSigner.page)
    isInTheMiddle = changes.count == ChangeSigner.page
    plan(changes, asOf: asOf)
    if let last = changes.last, isInTheMiddle {
      position = ChangePosition(revision: last.revision, issuer: last.issuer, serial: last.record.serial)
    } else {
      position = ChangePosition(after: target)
    }
    return true
  }

  /// False where something waits for room still.
  private func handWaiting() -> Bool {
    let now = runtime.clock.monotonicNanoseconds()
    for (issuer, held) in waiting {
      if runtime.saver.hasRoom || runtime.saver.isFailing {
        let taken = runtime.queue.pushRenewals(held.orders, leaving: AnswerLoader.roomForOthers)
        noteHanded(held.orders.prefix(taken), issuer)
        waiting[issuer]?.orders.removeFirst(taken)
        if taken > 0 { waiting[issuer]?.since = now }
      }
      if waiting[issuer]?.orders.isEmpty ?? true {
        waiting[issuer] = nil
      } else if now - held.since > ChangeSigner.longestPauseNanoseconds || !runtime.queue.canSign(issuer) {
        waiting[issuer] = nil
        runtime.issuers[issuer].progress.answersAreMissing()
      }
    }
    return waiting.isEmpty
  }

  // MARK: - Whether it keeps up

  private func isBehind(_ issuer: Issuer) {
    behind.insert(issuer.index)
    issuer.progress.changesAreBehind(true)
  }

  private func noteHanded(_ orders: ArraySlice<WorkQueue.Order>, _ issuer: IssuerIndex) {
    guard behind.contains(issuer) else { return }
    for order in orders { if case .bulk(let bulk) = order.job { handed.append(bulk) } }
    if handed.count > ChangeSigner.handedAtOnce { dropSigned() }
  }

  private func dropSigned() {
    handed.removeAll { $0.next >= $0.entries.count }
  }

  private func noteCaughtUp() {
    guard !behind.isEmpty else { return }
    dropSigned()
    guard handed.isEmpty else { return }
    for issuer in behind { runtime.issuers[issuer].progress.changesAreBehind(false) }
    behind = []
  }

  // MARK: - Planning

  private func plan(_ changes: [ChangedCertificate], asOf: Revision) {
    let directory = runtime.directory
    let issuerOfStoreID = directory.indexByStoreID
    let now = runtime.clock.now()
    let perIssuer = Dictionary(grouping: changes.filter { !$0.record.hasEnded(at: now) }, by: \.issuer)
    for (storeID, changes) in perIssuer {
      guard let issuer = issuerOfStoreID[storeID] else { continue }
      guard !directory.issuers[issuer].isRetired else {
        directory.issuers[issuer].progress.answersAreMissing()
        continue
      }
      let orders = directory.issuers[issuer].policy.presignedAlgorithms.flatMap { algorithm in
        let missing = changes.filter { change in
          let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: change.record.serial)
          return runtime.cache.peek(key).map { $0.revision < change.revision } ?? true
        }
        return self.orders(missing, issuer, algorithm, asOf: asOf)
      }
      guard !orders.isEmpty else { continue }
      if isInTheMiddle { isBehind(directory.issuers[issuer]) }
      waiting[issuer] = (orders, runtime.clock.monotonicNanoseconds())
    }
  }

  private func orders(
    _ changes: [ChangedCertificate], _ issuer: IssuerIndex, _ algorithm: HashAlgorithm, asOf: Revision
  ) -> [WorkQueue.Order] {
    let entries = changes.map { change in
      BulkSigning.Entry(
        serial: change.record.serial,
        reading: StatusReading(record: change.record, revision: change.revision, asOf: asOf))
    }
    // Nothing is in memory for these: before any renewal.
    return BulkSigning.orders(entries, size: ChangeSigner.orderSize, expires: UnixTime(seconds: 0)) { part in
      BulkSigning(issuer: issuer, hashAlgorithm: algorithm, reason: .change, entries: part)
    }
  }
}
