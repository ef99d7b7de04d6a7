import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder
import Synchronization

/// Brings committed changes into the caches: the thread on which "revoked" takes effect.
///
/// It looks when somebody announces a revision, and every tenth of a second for commits of other processes. Before
/// the revision counts as applied, no cache holds an older answer of any changed certificate (invariant 2).
final class ChangeFollower: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private static let lookEveryMilliseconds: Int64 = 100
  private static let revocationsAtOnce = 512
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private var position: ChangePosition
  private var isFailing = false

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
    position = ChangePosition(after: runtime.appliedRevision)
  }

  func run() {
    var pause: Int64 = 5
    while !runtime.isStopping {
      _ = runtime.announced.wait(
        for: runtime.applied.current + 1, milliseconds: ChangeFollower.lookEveryMilliseconds)
      guard !runtime.isStopping else { return }
      do {
        let before = runtime.applied.current
        _ = try turn()
        // Announced and not there: somebody asked for a revision that nobody has made. Look again, not at once.
        if runtime.applied.current == before, runtime.announced.current > before {
          _ = runtime.closing.wait(for: 1, milliseconds: pause)
          pause = min(pause * 2, ChangeFollower.lookEveryMilliseconds)
        } else {
          pause = 5
        }
        if isFailing { runtime.log.info("the store can be read again") }
        isFailing = false
        runtime.followerFailing.store(false, ordering: .relaxed)
      } catch {
        runtime.counters.storeFailures.add(1)
        if !isFailing { runtime.log.warning("changes cannot be read, answers may be old until this ends: \(error)") }
        isFailing = true
        runtime.followerFailing.store(true, ordering: .relaxed)
        _ = runtime.closing.wait(for: 1, milliseconds: ChangeFollower.lookEveryMilliseconds)
      }
    }
  }

  /// Applies what has been committed since the last look. False where nothing was.
  func turn() throws(StoreError) -> Bool {
    let latest = try session.latestRevision()
    guard latest > runtime.appliedRevision else { return false }
    var tally = ChangeTally()
    while true {
      let changes = try session.changes(after: position, limit: 4096)
      // After the page: an issuer that a reload brings meanwhile reads its records itself only from then on.
      let directory = runtime.directory
      let issuerOfStoreID = directory.indexByStoreID
      for change in changes { tally.count(change) }
      for change in changes { apply(change, directory, issuerOfStoreID) }
      if let last = changes.last {
        position = ChangePosition(revision: last.revision, issuer: last.issuer, serial: last.record.serial)
      }
      if changes.count < 4096 { break }
    }
    // Rows of revisions after `latest` may have been seen too: applying them early harms nobody.
    position = ChangePosition(after: max(latest, position.revision))
    runtime.applied.raise(to: latest.value)
    runtime.onApplied()
    let directory = runtime.directory
    tally.tell(runtime.log, directory, directory.indexByStoreID, revision: latest)
    return true
  }

  private func apply(
    _ change: ChangedCertificate, _ directory: IssuerDirectory, _ issuerOfStoreID: [StoreIssuerID: IssuerIndex]
  ) {
    guard let issuer = issuerOfStoreID[change.issuer] else { return }
    let serial = change.record.serial
    for algorithm in HashAlgorithm.allCases {
      let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: serial)
      runtime.cache.fence(key, revision: change.revision)
    }
    runtime.issued.insert(issuer: issuer, serial: serial)
    runtime.counters.changesApplied.add(1)
    runtime.share(change, of: directory.issuers[issuer])
    // A few go first; a large import is signed in bulk by the change signer, and questions meanwhile on demand.
    guard change.record.revocation != nil, !directory.issuers[issuer].isRetired,
      !change.record.hasEnded(at: runtime.clock.now()),
      runtime.queue.revocations(waitingFor: issuer) < ChangeFollower.revocationsAtOnce
    else { return }
    for algorithm in directory.issuers[issuer].policy.presignedAlgorithms {
      let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: serial)
      _ = runtime.queue.push(
        WorkQueue.Order(.change(key, change.revision), issuer: issuer, lane: .revocation))
    }
  }
}

/// What the log says of changes that were applied: each of a few, and no more than a number of many.
private struct ChangeTally {
  private static let shownOneByOne = 8
  private var shown: [ChangedCertificate] = []
  private var changed = 0
  private var revoked = 0

  mutating func count(_ change: ChangedCertificate) {
    changed += 1
    if change.record.revocation != nil { revoked += 1 }
    if shown.count <= ChangeTally.shownOneByOne { shown.append(change) }
  }

  func tell(
    _ log: any RuntimeLog, _ directory: IssuerDirectory, _ issuerOfStoreID: [StoreIssuerID: IssuerIndex],
    revision: Revision
  ) {
    guard changed > 0 else { return }
    guard changed <= ChangeTally.shownOneByOne else {
      log.info("revision \(revision.value): \(changed) certificates changed, \(revoked) of them revoked")
      return
    }
    for change in shown {
      let issuer =
        issuerOfStoreID[change.issuer].map { "of '\(directory.issuers[$0].name)'" } ?? "of an issuer not here"
      let status = change.record.revocation.map { "revoked, \($0.reason?.name ?? "no reason")" } ?? "good"
      log.info("revision \(change.revision.value): \(change.record.serial) \(issuer) is \(status)")
    }
  }
}

extension IssuerDirectory {
  /// Retired issuers too: their answers are still in memory, and a reload may bring them back.
  var indexByStoreID: [StoreIssuerID: IssuerIndex] {
    Dictionary(uniqueKeysWithValues: issuers.issuers.map { ($0.storeID, $0.index) })
  }
}

extension CertificateRecord {
  /// Whether the certificate itself is over: nobody needs an answer for it ahead of time.
  func hasEnded(at now: UnixTime) -> Bool {
    notAfter.map { $0 < now } ?? false
  }
}
