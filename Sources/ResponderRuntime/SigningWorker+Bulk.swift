import CalendarTime
import OCSP
import Responder

extension SigningWorker {
  /// Signs many answers whose certificates' records came with them, and in between whatever cannot wait.
  func signBulk(_ bulk: BulkSigning) throws {
    let issuer = directory.issuers[bulk.issuer]
    var dropped: [SerialNumber] = []
    defer { if !dropped.isEmpty { runtime.saver.forget(dropped, of: issuer.storeID) } }
    while bulk.next < bulk.entries.count {
      if let urgent = runtime.queue.nextUrgent(place: place) {
        perform(urgent)
        if state.isAbandoned { throw Failure.abandoned }
        state.hold(WorkQueue.Order(.bulk(bulk), issuer: bulk.issuer, lane: .renewal))
        continue
      }
      let entry = bulk.entries[bulk.next]
      do {
        if try !sign(entry, of: bulk, issuer) { dropped.append(entry.serial) }
      } catch Failure.order(let message) {
        bulk.entryHasFailed()
        report(Failure.order(message))
      }
      bulk.entryIsDone()
      runtime.bulkEntryIsDone(bulk.reason)
    }
  }

  /// False where the certificate is no longer answered for.
  private func sign(_ entry: BulkSigning.Entry, of bulk: BulkSigning, _ issuer: Issuer) throws -> Bool {
    let key = ResponseKey(issuer: bulk.issuer, hashAlgorithm: bulk.hashAlgorithm, serial: entry.serial)
    let now = runtime.clock.now()
    if bulk.reason != .refresh, let held = runtime.cache.peek(key), held.revision >= entry.reading.revision,
      held.times.isValid(at: now)
    {
      return true
    }
    guard let statement = AnswerBuilder.statement(for: entry.reading, policy: issuer.policy, now: now) else {
      return false
    }
    let answer = try makeAnswer(key, statement, revision: entry.reading.revision, issuer, now: now)
    switch runtime.cache.publish(answer, asOf: entry.reading.asOf, now: now) {
    case .readStatusAgain:
      // Something has changed nearby since it was read: once more, alone.
      runtime.counters.overtaken.add(1)
      _ = try drive(key, mayUseStored: false) {}
    case .superseded: runtime.counters.overtaken.add(1)
    case .stored, .notKept: break
    }
    runtime.counters.count(bulk.reason)
    return true
  }
}

extension RuntimeCounters {
  func count(_ reason: BulkSigning.Reason) {
    switch reason {
    case .presign: presigned.add(1)
    case .refresh: refreshes.add(1)
    case .change: break
    }
  }
}
