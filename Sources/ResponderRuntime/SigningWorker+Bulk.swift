import CalendarTime
import Metrics
import OCSP
import Responder

extension SigningWorker {
  /// Signs many answers whose certificates' records came with them, and in between whatever cannot wait. What takes long
  /// is shared: the rest goes back after a while, to another token perhaps.
  func signBulk(_ bulk: BulkSigning, _ order: WorkQueue.Order) throws {
    let limit = runtime.clock.monotonicNanoseconds() + SigningWorker.longestBulkNanoseconds
    let issuer = directory.issuers[bulk.issuer]
    var dropped: [SerialNumber] = []
    var (done, made) = (0, 0)
    defer {
      if !dropped.isEmpty { runtime.saver.forget(dropped, of: issuer.storeID) }
      runtime.bulkIsDone(bulk, entries: done, answers: made)
    }
    while bulk.next < bulk.entries.count {
      if let urgent = runtime.queue.nextUrgent(place: place) {
        perform(urgent)
        if state.isAbandoned { throw Failure.abandoned }
        state.hold(order)
        continue
      }
      if done > 0, lastCallEnded > limit {
        if !runtime.queue.giveBack(order, rest: bulk.entries.count - bulk.next, place: place) { runtime.giveUp(order) }
        return
      }
      let entry = bulk.entries[bulk.next]
      do {
        if try sign(entry, of: bulk, issuer) { made += 1 } else { dropped.append(entry.serial) }
      } catch Failure.order(let message) {
        bulk.entryHasFailed()
        report(Failure.order(message))
      }
      bulk.entryIsDone()
      done += 1
    }
  }

  /// False where the certificate is no longer answered for.
  private func sign(_ entry: BulkSigning.Entry, of bulk: BulkSigning, _ issuer: Issuer) throws -> Bool {
    let key = ResponseKey(issuer: bulk.issuer, hashAlgorithm: bulk.hashAlgorithm, serial: entry.serial)
    let now = runtime.clock.now()
    if bulk.reason == .change, let held = runtime.cache.peek(key), held.revision >= entry.reading.revision,
      held.times.isValid(at: now)
    {
      return true
    }
    guard let statement = AnswerBuilder.statement(for: entry.reading, policy: issuer.policy, now: now) else {
      return false
    }
    let answer = try makeAnswer(
      key, statement, revision: entry.reading.revision, issuer, now: now, isKeptNow: bulk.isKeptNow)
    switch runtime.cache.publish(answer, asOf: entry.reading.asOf, now: now) {
    case .readStatusAgain:
      // Something has changed nearby since it was read: once more, alone.
      runtime.counters.overtaken.add(1)
      _ = try drive(key, mayUseStored: false) {}
    case .superseded: runtime.counters.overtaken.add(1)
    case .stored, .notKept: break
    }
    return true
  }
}
