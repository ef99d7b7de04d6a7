import CalendarTime
import EventLoop
import OCSP
import Responder
import Synchronization

/// The first pass over the store for each issuer: learns what was issued, loads the answers that are still fresh, and has
/// the others signed, while questions are already answered. Issuers that a reload brings get the same, and those to which
/// it gives another signer get theirs replaced: what is in memory is served until then.
final class StartupLoader: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private static let batch = 1024
  /// Entries of one order: small enough that workers share the last ones.
  private static let orderSize = 64
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
  }

  /// Looks for issuers that are not loaded, at the start and from then on.
  func run() {
    while !runtime.isStopping {
      do {
        try pass()
        _ = runtime.closing.wait(for: 1, milliseconds: 1000)
      } catch {
        // A store that cannot be read now may be readable a second later.
        runtime.counters.storeFailures.add(1)
        runtime.failures.warn("the store could not be read at the start, trying again: \(error)")
        _ = runtime.closing.wait(for: 1, milliseconds: 1000)
      }
    }
  }

  private func pass() throws(StoreError) {
    let directory = runtime.directory
    let issuers = directory.issuers.issuers.filter { issuer in
      !issuer.isRetired && !(issuer.progress.areAnswersLoaded && issuer.progress.hasMoved(to: issuer.credentialIndex))
    }
    guard !issuers.isEmpty || !runtime.isStartupFinished else { return }
    // First who was issued at all, for every issuer: from then on unissued serials cost nothing.
    for issuer in issuers where !issuer.progress.areSerialsKnown && !runtime.isStopping {
      var count: UInt64 = 0
      try scan(issuer, .sha1) { batch, _ in
        for scanned in batch { runtime.issued.insert(issuer: issuer.index, serial: scanned.record.serial) }
        count += UInt64(batch.count)
      }
      guard !runtime.isStopping else { return }
      issuer.progress.serialsAreKnown()
      runtime.scanned.wrappingAdd(count, ordering: .relaxed)
      runtime.planned.wrappingAdd(count * UInt64(issuer.policy.presignedAlgorithms.count), ordering: .relaxed)
    }
    for issuer in issuers {
      for algorithm in issuer.policy.presignedAlgorithms where !runtime.isStopping {
        try load(issuer, algorithm, directory)
      }
      issuer.progress.answersAreLoaded(for: issuer.credentialIndex)
    }
    // Queued is not signed yet: readiness means that the answers are there.
    while runtime.presigning.load(ordering: .acquiring) > 0, !runtime.isStopping {
      _ = runtime.closing.wait(for: 1, milliseconds: 5)
    }
    runtime.startupFinished.raise(to: 1)
  }

  private func load(_ issuer: Issuer, _ algorithm: HashAlgorithm, _ directory: IssuerDirectory) throws(StoreError) {
    try scan(issuer, algorithm) { batch, asOf in
      let now = runtime.clock.now()
      var missing: [BulkSigning.Entry] = []
      var outdated: [BulkSigning.Entry] = []
      for scanned in batch {
        let key = ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: scanned.record.serial)
        let reading = StatusReading(record: scanned.record, revision: scanned.revision, asOf: asOf)
        guard let statement = AnswerBuilder.statement(for: reading, policy: issuer.policy, now: now) else { continue }
        if let stored = scanned.response, now < stored.times.refreshAt,
          let answer = runtime.rebuild(stored, statement: statement, key: key, directory)
        {
          switch runtime.cache.publish(answer, asOf: asOf, now: now) {
          case .stored, .notKept:
            runtime.counters.loaded.add(1)
            if answer.credential != issuer.credentialIndex {
              outdated.append(BulkSigning.Entry(serial: scanned.record.serial, reading: reading))
            }
            continue
          case .superseded: continue
          // A change came nearby after the scan, perhaps to another certificate.
          case .readStatusAgain: break
          }
        }
        // An expired certificate is answered for on demand; nobody should need it often.
        if let notAfter = scanned.record.notAfter, notAfter < now { continue }
        missing.append(BulkSigning.Entry(serial: scanned.record.serial, reading: reading))
      }
      sign(missing, issuer, algorithm, .presign)
      sign(outdated, issuer, algorithm, .refresh)
    }
  }

  private func sign(
    _ entries: [BulkSigning.Entry], _ issuer: Issuer, _ algorithm: HashAlgorithm, _ reason: BulkSigning.Reason
  ) {
    var rest = entries[...]
    while !rest.isEmpty, !runtime.isStopping {
      let part = Array(rest.prefix(StartupLoader.orderSize))
      rest = rest.dropFirst(part.count)
      while !runtime.saver.waitForRoom(milliseconds: 500), !runtime.isStopping, !runtime.saver.isFailing {}
      if reason == .presign { runtime.presigning.wrappingAdd(part.count, ordering: .relaxed) }
      let bulk = BulkSigning(issuer: issuer.index, hashAlgorithm: algorithm, reason: reason, entries: part)
      let order = WorkQueue.Order(.bulk(bulk), issuer: issuer.index, lane: .renewal, cost: part.count)
      if !runtime.queue.pushWhenRoom(order) { runtime.giveUp(order) }
    }
  }

  /// Calls `body` for batches of the issuer's certificates with the revision of the snapshot before they were read.
  private func scan(
    _ issuer: Issuer, _ algorithm: HashAlgorithm, _ body: ([ScannedCertificate], Revision) -> Void
  ) throws(StoreError) {
    var last: SerialNumber?
    while !runtime.isStopping {
      let asOf = try session.latestRevision()
      let batch = try session.certificates(
        issuer: issuer.storeID, hashAlgorithm: algorithm, after: last, limit: StartupLoader.batch)
      body(batch, asOf)
      guard batch.count == StartupLoader.batch else { return }
      last = batch.last?.record.serial
    }
  }
}
