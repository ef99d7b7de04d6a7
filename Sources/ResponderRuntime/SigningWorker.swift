import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder
import Synchronization

/// One signing thread of one place: reads the status, signs, publishes, and tells those who wait.
///
/// The store's connection, the signing sessions and the machine's actions are this thread's alone. `@unchecked`: made
/// on the starting thread and used by one other from then on.
final class SigningWorker: @unchecked Sendable {
  static let longestBulkNanoseconds: Int64 = 2_000_000_000
  let runtime: ResponderRuntime
  /// The runtime's: at hand, so that no answer counts a reference to it, which all threads would count.
  let cache: AnswerCache
  let session: any StatusStoreSession
  let place: Int
  let state: WorkerState
  private(set) var directory: IssuerDirectory
  let signer: PlaceSigner
  private var maker: AnswerMaker

  /// - Parameter number: tells the threads apart.
  init(
    runtime: ResponderRuntime, session: any StatusStoreSession, place: Int, number: Int, state: WorkerState
  ) {
    self.runtime = runtime
    cache = runtime.cache
    self.session = session
    self.place = place
    self.state = state
    maker = AnswerMaker(hasher: runtime.hasher, seed: runtime.seed &+ UInt64(number))
    directory = runtime.directory
    signer = PlaceSigner(runtime: runtime, directory: directory, place: place, state: state)
  }

  func run() {
    while let task = runtime.queue.next(place: place, worker: state) {
      perform(task)
      if state.isAbandoned { return }
    }
    _ = signer.closeSessions()
  }

  func perform(_ task: WorkQueue.Task) {
    takeDirectory()
    switch task {
    case .order(let order): perform(order)
    case .trial(let issuer): signer.tryKey(of: issuer)
    }
    signer.count()
  }

  /// What is in force by now: an order may be of an issuer that came with it.
  func takeDirectory() {
    let current = runtime.directory
    // What an issuer's answers look like may be another thing from here on.
    if current !== directory {
      maker.forget()
      signer.take(current)
    }
    directory = current
  }

  func perform(_ order: WorkQueue.Order) {
    takeDirectory()
    state.hold(order)
    do {
      switch order.job {
      case .question(let id, let key): try answerQuestion(id, key)
      case .live(let id, let question): try answerLive(id, question)
      case .change(let key, let revision): try signChange(key, revision)
      case .bulk(let bulk): try signBulk(bulk, order)
      }
    } catch SigningFailure.abandoned {
      return
    } catch SigningFailure.place(let message) {
      for order in runtime.queue.failed(order, place: place, message: message) { runtime.giveUp(order) }
    } catch SigningFailure.key {
      for order in runtime.queue.keyIsOut(order, place: place) { runtime.giveUp(order) }
    } catch SigningFailure.crowded(let message) {
      for order in runtime.queue.crowdedOut(order, worker: state, place: place, message: message) {
        runtime.giveUp(order)
      }
    } catch {
      report(error)
      runtime.giveUp(order)
    }
    state.release()
  }

  // MARK: - One question

  private func answerQuestion(_ id: PendingQuestions<any OutcomeReceiver>.ID, _ key: ResponseKey) throws {
    guard isAwaited(id) else { return }
    let outcome = try drive(key, mayUseStored: true) { runtime.pending.withLock { $0.detach(id) } }
    for waiter in runtime.pending.withLock({ $0.take(id) }) { waiter.receive(outcome) }
  }

  /// False where whoever asked is gone, or has been told to come later: signing for nobody would make the next one late
  /// too.
  func isAwaited(_ id: PendingQuestions<any OutcomeReceiver>.ID) -> Bool {
    runtime.pending.withLock { pending in
      if pending.drop(id, where: { $0.isGone }) {
        runtime.counters.abandoned.add(1)
        return false
      }
      return pending.isOpen(id)
    }
  }

  private func signChange(_ key: ResponseKey, _ revision: Revision) throws {
    if let held = runtime.cache.peek(key), held.revision >= revision { return }
    _ = try drive(key, mayUseStored: false) {}
  }

  /// Runs the machine of one question to its end.
  ///
  /// - Parameters:
  ///   - mayUseStored: whether an answer already signed, in the cache by now or in the store, will do.
  ///   - signed: an answer that the cache has not taken, because something has changed since its status was read.
  ///   - closing: called before anything is offered to the cache: from then on new askers start anew.
  /// - Throws: where nothing was offered yet; what follows an offer ends as an outcome.
  func drive(
    _ key: ResponseKey, mayUseStored: Bool, signed: Answer? = nil, closing: () -> Void
  ) throws -> QuestionOutcome {
    let issuer = directory.issuers[key.issuer]
    var machine = QuestionMachine(policy: issuer.policy, signed: signed)
    var action = machine.start()
    var isClosed = false
    while true {
      do {
        switch action {
        case .readStatus:
          let reading = try session.status(issuer: issuer.storeID, serial: key.serial)
          action = machine.statusRead(reading, now: runtime.clock.now())
        case .sign(let statement, let reading):
          let answer = try answer(key, statement, reading, issuer, mayUseStored: mayUseStored)
          action = machine.signed(answer, asOf: reading.asOf)
        case .publish(let answer, let asOf):
          closing()
          isClosed = true
          let publication = runtime.publish(answer, asOf: asOf, now: runtime.clock.now())
          if publication == .readStatusAgain || publication == .superseded { runtime.counters.overtaken.add(1) }
          action = machine.published(publication)
        case .checkRefusal(let asOf):
          closing()
          isClosed = true
          action = machine.refusalChecked(isCurrent: runtime.cache.isCurrent(key, asOf: asOf))
        case .finish(let outcome):
          switch outcome {
          case .answer(let answer): return .answer(answer)
          case .unauthorized: return .unauthorized
          case .tryLater: return .tryLater
          case .readCache:
            return runtime.cache.answer(key, now: runtime.clock.now()).map { .answer($0) } ?? .tryLater
          }
        }
      } catch SigningFailure.abandoned {
        throw SigningFailure.abandoned
      } catch {
        // Nobody new joins those who wait: they are told now rather than after another round.
        guard isClosed else { throw error }
        report(error)
        return .tryLater
      }
    }
  }

  /// The stored answer where it is still fresh, else a new one, which is handed to the saver.
  private func answer(
    _ key: ResponseKey, _ statement: AnswerBuilder.Statement, _ reading: StatusReading, _ issuer: Issuer,
    mayUseStored: Bool
  ) throws -> Answer {
    let now = runtime.clock.now()
    if mayUseStored, !statement.isForUnissued,
      let stored = try session.response(
        issuer: issuer.storeID, hashAlgorithm: key.hashAlgorithm, serial: key.serial),
      stored.revision == reading.revision, now < stored.times.refreshAt,
      let answer = runtime.rebuild(stored, statement: statement, key: key, directory)
    {
      return answer
    }
    return try makeAnswer(key, statement, revision: reading.revision, issuer, now: now)
  }

  /// Signs a new answer and hands it to the saver.
  private func makeAnswer(
    _ key: ResponseKey, _ statement: AnswerBuilder.Statement, revision: Revision, _ issuer: Issuer, now: UnixTime
  ) throws -> Answer {
    let draft = try draft(key, statement, revision: revision, issuer, directory, now: now)
    let signature = try signer.sign(draft.tbsResponseData, issuer)
    return finish(draft, signature: signature, issuer, directory)
  }

  /// All of a new answer but its signature.
  ///
  /// - Parameter directory: this thread's; who makes many answers takes it once, since all threads count references to it.
  func draft(
    _ key: ResponseKey, _ statement: AnswerBuilder.Statement, revision: Revision, _ issuer: Issuer,
    _ directory: IssuerDirectory, now: UnixTime
  ) throws(SigningFailure) -> AnswerDraft {
    let times = try times(issuer, now: now, jitter: maker.jitter(), isForUnissued: statement.isForUnissued)
    let draft = maker.draft(key, statement, revision: revision, times: times, issuer, directory)
    guard let draft else { throw .order("no such issuer") }
    return draft
  }

  /// The signed answer, which the saver is given.
  ///
  /// - Parameters:
  ///   - directory: the one that the draft was made by.
  ///   - isKeptNow: false where the `AnswerKeeper` will come for it.
  func finish(
    _ draft: AnswerDraft, signature: [UInt8], _ issuer: Issuer, _ directory: IssuerDirectory, isKeptNow: Bool = true
  ) -> Answer {
    let answer = maker.answer(draft, signature: signature, directory)
    if isKeptNow, !answer.isForUnissued {
      let credential = directory.credentials[answer.credential].storeID
      runtime.saver.offer(
        StoredResponse(answer, issuer: issuer.storeID, credential: credential, signature: signature))
    }
    return answer
  }

  func times(
    _ issuer: Issuer, now: UnixTime, jitter: Double, isForUnissued: Bool = false
  ) throws(SigningFailure) -> AnswerTimes {
    let times = AnswerBuilder.times(issuer: issuer, now: now, jitter: jitter, isForUnissued: isForUnissued)
    guard let times else {
      throw .order(
        "issuer '\(issuer.name)': the signer's certificate is valid from \(issuer.credential.notBefore.iso8601) to "
          + "\(issuer.credential.notAfter.iso8601), and it is \(now.iso8601): nothing can be signed")
    }
    return times
  }

  func report(_ error: any Error) {
    if error is StoreError {
      runtime.counters.storeFailures.add(1)
    } else {
      runtime.counters.signingFailures.add(1)
    }
    let message =
      switch error {
      case SigningFailure.order(let message), SigningFailure.place(let message), SigningFailure.crowded(let message),
        SigningFailure.key(let message):
        message
      default: "\(error)"
      }
    runtime.failures.warn("an answer could not be made: \(message)")
  }
}

extension StoredResponse {
  init(_ answer: Answer, issuer: StoreIssuerID, credential: StoreCredentialID, signature: [UInt8]) {
    self.init(
      issuer: issuer, hashAlgorithm: answer.key.hashAlgorithm, serial: answer.key.serial, revision: answer.revision,
      times: answer.times, credential: credential, signature: signature, digestPrefix: answer.digest.prefixWord)
  }
}
