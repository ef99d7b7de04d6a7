import CalendarTime
import Metrics
import OCSP
import Responder

extension SigningWorker {
  /// So many orders that cannot wait in a row, and then one of a bulk: a flood of questions must not keep every answer from
  /// being renewed.
  private static let urgentInARow = 8

  /// Signs many answers whose certificates' records came with them, and in between whatever cannot wait. What takes long
  /// is shared: the rest goes back after a while, to another token perhaps.
  func signBulk(_ bulk: BulkSigning, _ order: WorkQueue.Order) throws {
    let limit = runtime.clock.monotonicNanoseconds() + SigningWorker.longestBulkNanoseconds
    var dropped: [SerialNumber] = []
    var (done, made, urgentRun) = (0, 0, 0)
    defer {
      if !dropped.isEmpty { runtime.saver.forget(dropped, of: directory.issuers[bulk.issuer].storeID) }
      runtime.bulkIsDone(bulk, answers: made)
    }
    while bulk.next < bulk.entries.count {
      if urgentRun < SigningWorker.urgentInARow, let urgent = runtime.queue.nextUrgent(place: place) {
        perform(urgent)
        if state.isAbandoned { throw SigningFailure.abandoned }
        urgentRun += 1
        continue
      }
      urgentRun = 0
      if done > 0, signer.lastCallEnded > limit {
        if !runtime.queue.giveBack(order, place: place) { runtime.giveUp(order) }
        return
      }
      let entry = bulk.entries[bulk.next]
      do {
        if try sign(entry, of: bulk) { made += 1 } else { dropped.append(entry.serial) }
      } catch SigningFailure.order(let message) {
        bulk.entryHasFailed()
        report(SigningFailure.order(message))
      }
      entryIsDone(of: bulk)
      done += 1
    }
  }

  /// At once and for each: a thread that is lost in the next call books nothing any more.
  private func entryIsDone(of bulk: BulkSigning) {
    bulk.entryIsDone()
    if bulk.reason == .presign { directory.issuers[bulk.issuer].progress.presigningShrinks(by: 1) }
  }

  /// False where the certificate is no longer answered for.
  private func sign(_ entry: BulkSigning.Entry, of bulk: BulkSigning) throws -> Bool {
    let issuer = directory.issuers[bulk.issuer]
    let key = ResponseKey(issuer: bulk.issuer, hashAlgorithm: bulk.hashAlgorithm, serial: entry.serial)
    let now = runtime.clock.now()
    var reading = entry.reading
    if bulk.reason == .change, let held = runtime.cache.peek(key), held.revision >= reading.revision,
      held.times.isValid(at: now)
    {
      return true
    }
    // It may have waited for minutes: what would not be taken any more need not be signed first.
    if !runtime.cache.isCurrent(key, asOf: reading.asOf) {
      reading = try session.status(issuer: issuer.storeID, serial: entry.serial)
    }
    guard let statement = AnswerBuilder.statement(for: reading, policy: issuer.policy, now: now) else {
      return false
    }
    let answer = try makeAnswer(
      key, statement, revision: reading.revision, issuer, now: now, isKeptNow: bulk.isKeptNow)
    switch runtime.publish(answer, asOf: reading.asOf) {
    case .readStatusAgain:
      // Something has changed nearby since it was read: if another certificate, what is signed is still true.
      runtime.counters.overtaken.add(1)
      _ = try drive(key, mayUseStored: false, signed: answer) {}
    case .superseded: runtime.counters.overtaken.add(1)
    case .stored, .notKept: break
    }
    return true
  }
}
