import CalendarTime
import EventLoop
import OCSP
import Responder
import Synchronization

/// The first pass over the store: learns what was issued, loads the answers that are still fresh, and has the others
/// signed, while questions are already answered.
final class StartupLoader: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private static let batch = 1024
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
  }

  /// Until it has succeeded: a store that cannot be read at the start may be readable a second later.
  func run() {
    while !runtime.isStopping {
      do {
        try pass()
        return
      } catch {
        runtime.counters.storeFailures.add(1)
        runtime.failures.warn("the store could not be read at the start, trying again: \(error)")
        _ = runtime.closing.wait(for: 1, milliseconds: 1000)
      }
    }
  }

  private func pass() throws(StoreError) {
    // First who was issued at all, for every issuer: from then on unissued serials cost nothing.
    var (certificates, planned): (UInt64, UInt64) = (0, 0)
    for issuer in runtime.issuers.issuers where !runtime.isStopping {
      var count: UInt64 = 0
      try scan(issuer, .sha1) { scanned, _ in
        runtime.issued.insert(issuer: issuer.index, serial: scanned.record.serial)
        count += 1
        return true
      }
      certificates += count
      planned += count * UInt64(issuer.policy.presignedAlgorithms.count)
    }
    guard !runtime.isStopping else { return }
    runtime.planned.store(planned, ordering: .relaxed)
    runtime.scanned.store(certificates, ordering: .relaxed)
    runtime.issuedSetComplete.store(true, ordering: .releasing)
    for issuer in runtime.issuers.issuers {
      for algorithm in issuer.policy.presignedAlgorithms where !runtime.isStopping { try load(issuer, algorithm) }
    }
    // Queued is not signed yet: readiness means that the answers are there.
    while runtime.presigning.load(ordering: .acquiring) > 0, !runtime.isStopping {
      _ = runtime.closing.wait(for: 1, milliseconds: 5)
    }
    runtime.startupFinished.raise(to: 1)
  }

  private func load(_ issuer: Issuer, _ algorithm: HashAlgorithm) throws(StoreError) {
    try scan(issuer, algorithm) { scanned, asOf in
      let now = runtime.clock.now()
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: scanned.record.serial)
      let reading = StatusReading(record: scanned.record, revision: scanned.revision, asOf: asOf)
      guard let statement = AnswerBuilder.statement(for: reading, policy: issuer.policy, now: now) else { return true }
      if let stored = scanned.response, now < stored.times.refreshAt,
        let answer = runtime.rebuild(stored, statement: statement, key: key)
      {
        // Refused where a change came after the scan: the follower sees to that certificate.
        if runtime.cache.publish(answer, asOf: asOf) == .stored { runtime.counters.loaded.add(1) }
        return true
      }
      // An expired certificate is answered for on demand; nobody should need it often.
      if let notAfter = scanned.record.notAfter, notAfter < now { return true }
      runtime.presigning.wrappingAdd(1, ordering: .relaxed)
      return runtime.queue.pushWhenRoom(.ahead(key, .presign), lane: .refresh)
    }
  }

  /// Calls `body` for every certificate of the issuer with the revision of the snapshot before it was read.
  private func scan(
    _ issuer: Issuer, _ algorithm: HashAlgorithm, _ body: (ScannedCertificate, Revision) -> Bool
  ) throws(StoreError) {
    var last: SerialNumber?
    while !runtime.isStopping {
      let asOf = try session.latestRevision()
      let batch = try session.certificates(
        issuer: issuer.storeID, hashAlgorithm: algorithm, after: last, limit: StartupLoader.batch)
      for scanned in batch where !body(scanned, asOf) { return }
      guard batch.count == StartupLoader.batch else { return }
      last = batch.last?.record.serial
    }
  }
}
