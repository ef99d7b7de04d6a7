import EventLoop
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
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private var position: ChangePosition
  private let issuerOfStoreID: [StoreIssuerID: IssuerIndex]
  private var isFailing = false

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
    position = ChangePosition(after: runtime.appliedRevision)
    issuerOfStoreID = runtime.indexByStoreID
  }

  func run() {
    while !runtime.isStopping {
      _ = runtime.announced.wait(
        for: runtime.applied.current + 1, milliseconds: ChangeFollower.lookEveryMilliseconds)
      guard !runtime.isStopping else { return }
      do {
        let before = runtime.applied.current
        try follow()
        // Announced and not there: somebody asked for a revision that nobody has made. Look again, not at once.
        if runtime.applied.current == before, runtime.announced.current > before {
          _ = runtime.closing.wait(for: 1, milliseconds: 5)
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

  private func follow() throws(StoreError) {
    let latest = try session.latestRevision()
    guard latest > runtime.appliedRevision else { return }
    while true {
      let changes = try session.changes(after: position, limit: 4096)
      for change in changes { apply(change) }
      if let last = changes.last {
        position = ChangePosition(revision: last.revision, issuer: last.issuer, serial: last.record.serial)
      }
      if changes.count < 4096 { break }
    }
    // Rows of revisions after `latest` may have been seen too: applying them early harms nobody.
    position = ChangePosition(after: max(latest, position.revision))
    runtime.applied.raise(to: latest.value)
  }

  private func apply(_ change: ChangedCertificate) {
    guard let issuer = issuerOfStoreID[change.issuer] else { return }
    let serial = change.record.serial
    for algorithm in HashAlgorithm.allCases {
      let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: serial)
      runtime.cache.fence(key, revision: change.revision)
    }
    runtime.issued.insert(issuer: issuer, serial: serial)
    runtime.counters.changesApplied.add(1)
    guard change.record.revocation != nil else { return }
    // What does not fit the lane is signed by the change signer, or on demand.
    for algorithm in runtime.issuers[issuer].policy.presignedAlgorithms {
      let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: serial)
      _ = runtime.queue.push(.ahead(key, .change), lane: .revocation)
    }
  }
}

/// Signs ahead what changed, as fast as the signers take it, behind the follower.
final class ChangeSigner: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private var position: ChangePosition
  private let issuerOfStoreID: [StoreIssuerID: IssuerIndex]

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
    position = ChangePosition(after: runtime.appliedRevision)
    issuerOfStoreID = runtime.indexByStoreID
  }

  func run() {
    while !runtime.isStopping {
      guard runtime.applied.wait(for: position.revision.value + 1, milliseconds: 500) else { continue }
      do {
        try signChanges()
      } catch {
        // The follower says so in the log; the answers are signed on demand meanwhile.
        runtime.counters.storeFailures.add(1)
        _ = runtime.closing.wait(for: 1, milliseconds: 1000)
      }
    }
  }

  private func signChanges() throws(StoreError) {
    let target = runtime.appliedRevision
    while !runtime.isStopping {
      let changes = try session.changes(after: position, limit: 1024)
      for change in changes where !sign(change) { return }
      guard let last = changes.last, changes.count == 1024 else { break }
      position = ChangePosition(revision: last.revision, issuer: last.issuer, serial: last.record.serial)
    }
    position = ChangePosition(after: target)
  }

  private func sign(_ change: ChangedCertificate) -> Bool {
    guard let issuer = issuerOfStoreID[change.issuer] else { return true }
    for algorithm in runtime.issuers[issuer].policy.presignedAlgorithms {
      let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: change.record.serial)
      if let held = runtime.cache.peek(key), held.revision >= change.revision { continue }
      guard runtime.queue.pushWhenRoom(.ahead(key, .change), lane: .refresh) else { return false }
    }
    return true
  }
}

extension ResponderRuntime {
  var indexByStoreID: [StoreIssuerID: IssuerIndex] {
    Dictionary(uniqueKeysWithValues: issuers.issuers.map { ($0.storeID, $0.index) })
  }
}
