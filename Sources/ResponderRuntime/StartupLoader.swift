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
  private static let keepingAtStopMilliseconds: Int64 = 10_000
  private static let serialBatch = 16_384
  /// Entries of one order: small enough that workers share the last ones.
  private static let orderSize = 64
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private let keeper: AnswerKeeper

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
    keeper = AnswerKeeper(runtime: runtime, session: session)
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
      let count = try learnSerials(issuer)
      guard !runtime.isStopping else { return }
      issuer.progress.serialsAreKnown()
      runtime.scanned.wrappingAdd(count, ordering: .relaxed)
      runtime.planned.wrappingAdd(count * UInt64(issuer.policy.presignedAlgorithms.count), ordering: .relaxed)
    }
    for issuer in issuers {
      let isKeptNow = !isKeptLater(issuer)
      for algorithm in issuer.policy.presignedAlgorithms where !runtime.isStopping {
        try load(issuer, algorithm, directory, isKeptNow: isKeptNow)
      }
      issuer.progress.answersAreLoaded(for: issuer.credentialIndex)
    }
    // Queued is not signed yet: readiness means that the answers are there.
    while runtime.presigning.load(ordering: .acquiring) > 0, !runtime.isStopping {
      _ = runtime.closing.wait(for: 1, milliseconds: 5)
    }
    runtime.startupFinished.raise(to: 1)
    try keep(issuers)
  }

  /// Keeps the first answers of all; who stops the responder right after its start waits for it, within a bound.
  private func keep(_ issuers: [Issuer]) throws(StoreError) {
    var limit: MonotonicTime?
    func mayGoOn() -> Bool {
      guard runtime.isStopping else { return true }
      let now = MonotonicTime.now()
      if limit == nil { limit = now.advanced(byMilliseconds: StartupLoader.keepingAtStopMilliseconds) }
      return limit.map { now < $0 } ?? true
    }
    for issuer in issuers where isKeptLater(issuer) {
      for algorithm in issuer.policy.presignedAlgorithms where mayGoOn() {
        try scan(issuer, algorithm, while: mayGoOn) { batch, _ in
          keeper.keep(batch.filter { $0.response == nil }, of: issuer, algorithm)
        }
      }
    }
  }

  private func learnSerials(_ issuer: Issuer) throws(StoreError) -> UInt64 {
    var count: UInt64 = 0
    var last: SerialNumber?
    while !runtime.isStopping {
      let serials = try session.serials(issuer: issuer.storeID, after: last, limit: StartupLoader.serialBatch)
      for serial in serials { runtime.issued.insert(issuer: issuer.index, serial: serial) }
      count += UInt64(serials.count)
      guard serials.count == StartupLoader.serialBatch else { break }
      last = serials.last
    }
    return count
  }

  /// Whether the first answers of all are kept in the store together once they are signed, in the order of their
  /// serials, rather than one by one: half the work. Needs a cache that holds them all until then.
  private func isKeptLater(_ issuer: Issuer) -> Bool {
    let statistics = runtime.cache.statistics()
    let needed = Int(runtime.planned.load(ordering: .relaxed)) * 512
    return statistics.evictions == 0 && needed < statistics.capacityBytes * 3 / 4
  }

  private func load(
    _ issuer: Issuer, _ algorithm: HashAlgorithm, _ directory: IssuerDirectory, isKeptNow: Bool
  ) throws(StoreError) {
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
      sign(missing, issuer, algorithm, .presign, isKeptNow: isKeptNow)
      sign(outdated, issuer, algorithm, .refresh, isKeptNow: true)
    }
  }

  private func sign(
    _ entries: [BulkSigning.Entry], _ issuer: Issuer, _ algorithm: HashAlgorithm, _ reason: BulkSigning.Reason,
    isKeptNow: Bool
  ) {
    var rest = entries[...]
    while !rest.isEmpty, !runtime.isStopping {
      let part = Array(rest.prefix(StartupLoader.orderSize))
      rest = rest.dropFirst(part.count)
      while isKeptNow, !runtime.saver.waitForRoom(milliseconds: 500), !runtime.isStopping, !runtime.saver.isFailing {}
      if reason == .presign { runtime.presigning.wrappingAdd(part.count, ordering: .relaxed) }
      let bulk = BulkSigning(
        issuer: issuer.index, hashAlgorithm: algorithm, reason: reason, entries: part, isKeptNow: isKeptNow)
      let order = WorkQueue.Order(.bulk(bulk), issuer: issuer.index, lane: .renewal, cost: part.count)
      if !runtime.queue.pushWhenRoom(order) { runtime.giveUp(order) }
    }
  }

  /// Calls `body` for batches of the issuer's certificates with the revision of the snapshot before they were read.
  private func scan(
    _ issuer: Issuer, _ algorithm: HashAlgorithm, while mayGoOn: (() -> Bool)? = nil,
    _ body: ([ScannedCertificate], Revision) -> Void
  ) throws(StoreError) {
    var last: SerialNumber?
    while mayGoOn?() ?? !runtime.isStopping {
      let asOf = try session.latestRevision()
      let batch = try session.certificates(
        issuer: issuer.storeID, hashAlgorithm: algorithm, after: last, limit: StartupLoader.batch)
      body(batch, asOf)
      guard batch.count == StartupLoader.batch else { return }
      last = batch.last?.record.serial
    }
  }
}
