import CalendarTime
import Metrics
import OCSP
import Responder

extension SigningWorker {
  /// So many orders that cannot wait in a row, and then one of a bulk: a flood of questions must not keep every answer from
  /// being renewed.
  private static let urgentInARow = 8

  /// So many answers are signed before the first of them is finished, in a place whose calls always return: what one step
  /// needs of the processor's caches is then there for all of them. An answer that a lost thread has signed is lost with it.
  private static let longestRun = 8
  /// Where signatures take long a run ends sooner: nothing that is signed waits for more than one call.
  private static let longestRunNanoseconds: Int64 = 1_000_000

  /// One entry of a run, as far as it has come.
  private enum Step {
    case signed(AnswerDraft, signature: [UInt8], asOf: Revision)
    /// There is one that need not be replaced.
    case answered
    /// The certificate is no longer answered for.
    case dropped
    case failed(String)
  }

  /// What has become of a bulk in one go.
  private struct Results {
    var done = 0
    var made = 0
    var dropped: [SerialNumber] = []
  }

  /// Signs many answers whose certificates' records came with them, and in between whatever cannot wait. What takes long
  /// is shared: the rest goes back after a while, to another token perhaps.
  func signBulk(_ bulk: BulkSigning, _ order: WorkQueue.Order) throws {
    let limit = runtime.clock.monotonicNanoseconds() + SigningWorker.longestBulkNanoseconds
    let recent = cache.recentTemplates()
    var results = Results()
    var urgentRun = 0
    defer {
      if !results.dropped.isEmpty {
        runtime.saver.forget(results.dropped, of: directory.issuers[bulk.issuer].storeID)
      }
      runtime.bulkIsDone(bulk, answers: results.made)
    }
    while bulk.next < bulk.entries.count {
      if urgentRun < SigningWorker.urgentInARow, let urgent = runtime.queue.nextUrgent(place: place) {
        perform(urgent)
        if state.isAbandoned { throw SigningFailure.abandoned }
        urgentRun += 1
        continue
      }
      urgentRun = 0
      if results.done > 0, signer.lastCallEnded > limit {
        if !runtime.queue.giveBack(order, place: place) { runtime.giveUp(order) }
        return
      }
      try signRun(of: bulk, recent, &results)
    }
  }

  /// Signs the next entries, and then finishes them.
  private func signRun(of bulk: BulkSigning, _ recent: RecentTemplates, _ results: inout Results) throws {
    let directory = directory
    let issuer = directory.issuers[bulk.issuer]
    let isWatched = directory.places[place].callDeadlineMilliseconds != nil
    let start = bulk.next
    let end = min(start + (isWatched ? 1 : SigningWorker.longestRun), bulk.entries.count)
    for number in start..<end { cache.prefetch(bulk.key(of: number)) }
    let now = runtime.clock.now()
    let limit = runtime.clock.monotonicNanoseconds() + SigningWorker.longestRunNanoseconds
    var steps: [Step] = []
    steps.reserveCapacity(end - start)
    var failure: (any Error)?
    for number in start..<end {
      if number > start, runtime.queue.mayHaveUrgent || signer.lastCallEnded > limit { break }
      do {
        steps.append(try sign(number, of: bulk, issuer, directory, now: now))
      } catch SigningFailure.abandoned {
        throw SigningFailure.abandoned
      } catch SigningFailure.order(let message) {
        steps.append(.failed(message))
      } catch {
        failure = error
        break
      }
    }
    do {
      try finish(steps, of: bulk, issuer, directory, recent, &results)
    } catch {
      // That the place or the key failed is what the queue has to hear.
      throw failure ?? error
    }
    if let failure { throw failure }
  }

  private func sign(
    _ number: Int, of bulk: BulkSigning, _ issuer: Issuer, _ directory: IssuerDirectory, now: UnixTime
  ) throws -> Step {
    let key = bulk.key(of: number)
    var reading = bulk.entries[number].reading
    if bulk.reason == .change, let held = cache.peek(key), held.revision >= reading.revision,
      held.times.isValid(at: now)
    {
      return .answered
    }
    // It may have waited for minutes: what would not be taken any more need not be signed first.
    if !cache.isCurrent(key, asOf: reading.asOf) {
      reading = try session.status(issuer: issuer.storeID, serial: key.serial)
    }
    guard let statement = AnswerBuilder.statement(for: reading, policy: issuer.policy, now: now) else {
      return .dropped
    }
    let draft = try draft(key, statement, revision: reading.revision, issuer, directory, now: now)
    let signature = try signer.sign(draft.tbsResponseData, issuer)
    return .signed(draft, signature: signature, asOf: reading.asOf)
  }

  private func finish(
    _ steps: [Step], of bulk: BulkSigning, _ issuer: Issuer, _ directory: IssuerDirectory, _ recent: RecentTemplates,
    _ results: inout Results
  ) throws {
    let now = runtime.clock.now()
    var done = 0
    // Before anything else is signed: a thread that is lost in the next call books nothing any more.
    defer {
      bulk.entriesAreDone(done)
      if bulk.reason == .presign { issuer.progress.presigningShrinks(by: done) }
      results.done += done
    }
    for step in steps {
      do {
        switch step {
        case .answered: results.made += 1
        case .dropped: results.dropped.append(bulk.entries[bulk.next + done].serial)
        case .failed(let message): throw SigningFailure.order(message)
        case .signed(let draft, let signature, let asOf):
          let answer = finish(draft, signature: signature, issuer, directory, isKeptNow: bulk.isKeptNow)
          try publish(answer, asOf: asOf, now: now, recent)
          results.made += 1
        }
      } catch SigningFailure.order(let message) {
        bulk.entryHasFailed()
        report(SigningFailure.order(message))
      }
      done += 1
    }
  }

  private func publish(_ answer: Answer, asOf: Revision, now: UnixTime, _ recent: RecentTemplates) throws {
    switch runtime.publish(answer, asOf: asOf, now: now, recent: recent) {
    case .readStatusAgain:
      // Something has changed nearby since it was read: if another certificate, what is signed is still true.
      runtime.counters.overtaken.add(1)
      _ = try drive(answer.key, mayUseStored: false, signed: answer) {}
    case .superseded: runtime.counters.overtaken.add(1)
    case .stored, .notKept: break
    }
  }
}
