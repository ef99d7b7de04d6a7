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
  /// Sessions kept open: more keys than that in one place take turns.
  private static let sessionLimit = 64
  static let longestBulkNanoseconds: Int64 = 2_000_000_000
  private static let longestUncountedNanoseconds: UInt64 = 1_000_000_000
  let runtime: ResponderRuntime
  let session: any StatusStoreSession
  let place: Int
  let state: WorkerState
  private(set) var directory: IssuerDirectory
  private var sessions: [IssuerIndex: (signer: any Signer, session: any SigningSession)] = [:]
  /// Where renewals fall need not be secret, and the system's generator costs a system call for each answer.
  private var random: SplitMix
  private var template = ResponseDataTemplate()
  private let placeCounters: PlaceCounters
  /// Whose keys this thread has signed with since it took the directory.
  private var provenIssuers: Set<IssuerIndex> = []
  /// Monotonic nanoseconds.
  private(set) var lastCallEnded: Int64 = 0
  /// Counted here and added after each order: threads that count in one place for each signature wait for each other.
  private var tally = (signatures: UInt64(0), nanoseconds: UInt64(0))

  /// Why a signature was not made.
  enum Failure: Error {
    /// This thread was given up while it signed: everything it has belongs to others.
    case abandoned
    /// Something else may sign the same order.
    case place(String)
    /// The token has no session for this thread.
    case crowded(String)
    /// The key is not used in this place any more.
    case key(String)
    case order(String)
  }

  /// - Parameter number: tells the threads apart.
  init(
    runtime: ResponderRuntime, session: any StatusStoreSession, place: Int, number: Int, state: WorkerState
  ) {
    self.runtime = runtime
    self.session = session
    self.place = place
    self.state = state
    random = SplitMix(seed: runtime.seed &+ UInt64(number))
    directory = runtime.directory
    placeCounters = runtime.placeCounters(place)
  }

  func run() {
    while let task = runtime.queue.next(place: place, worker: state) {
      perform(task)
      if state.isAbandoned { return }
    }
    _ = closeSessions()
  }

  func perform(_ task: WorkQueue.Task) {
    takeDirectory()
    switch task {
    case .order(let order): perform(order)
    case .trial(let issuer): tryPlace(issuer)
    }
    count()
  }

  /// What is in force by now: an order may be of an issuer that came with it.
  func takeDirectory() {
    let current = runtime.directory
    // What an issuer's answers look like may be another thing from here on.
    if current !== directory {
      template = ResponseDataTemplate()
      provenIssuers = []
    }
    directory = current
  }

  private func count() {
    guard tally.signatures > 0 else { return }
    placeCounters.signed(tally.signatures, nanoseconds: tally.nanoseconds)
    runtime.counters.signatures.add(tally.signatures)
    tally = (0, 0)
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
    } catch Failure.abandoned {
      return
    } catch Failure.place(let message) {
      for order in runtime.queue.failed(order, place: place, message: message) { runtime.giveUp(order) }
    } catch Failure.key {
      for order in runtime.queue.keyIsOut(order, place: place) { runtime.giveUp(order) }
    } catch Failure.crowded(let message) {
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
          let publication = runtime.cache.publish(answer, asOf: asOf, now: runtime.clock.now())
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
      } catch Failure.abandoned {
        throw Failure.abandoned
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
  ///
  /// - Parameter isKeptNow: false where the `AnswerKeeper` will come for it.
  func makeAnswer(
    _ key: ResponseKey, _ statement: AnswerBuilder.Statement, revision: Revision, _ issuer: Issuer, now: UnixTime,
    isKeptNow: Bool = true
  ) throws -> Answer {
    let times = try times(
      issuer, now: now, jitter: Double.random(in: 0...1, using: &random), isForUnissued: statement.isForUnissued)
    let entry = directory.credential(of: issuer)
    let encoded = template.tbsResponseData(
      statement, key: key, times: times, issuer: issuer, credential: entry.credential)
    guard let tbs = encoded else { throw Failure.order("no such issuer") }
    let signature = try sign(tbs, issuer)
    let plan = AnswerBuilder.Plan(
      key: key, revision: revision, times: times, isForUnissued: statement.isForUnissued,
      credential: issuer.credentialIndex)
    let answer = AnswerBuilder.answer(
      plan, tbsResponseData: tbs, signature: signature, entry: entry, hasher: runtime.hasher)
    if isKeptNow, !statement.isForUnissued {
      runtime.saver.offer(
        StoredResponse(answer, issuer: issuer.storeID, credential: entry.storeID, signature: signature))
    }
    return answer
  }

  func times(
    _ issuer: Issuer, now: UnixTime, jitter: Double, isForUnissued: Bool = false
  ) throws(Failure) -> AnswerTimes {
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
      case Failure.order(let message), Failure.place(let message), Failure.crowded(let message),
        Failure.key(let message):
        message
      default: "\(error)"
      }
    runtime.failures.warn("an answer could not be made: \(message)")
  }

  // MARK: - Signing

  /// One signature by the issuer's key in this place, watched by the crew while it lasts.
  func sign(_ tbsResponseData: [UInt8], _ issuer: Issuer) throws(Failure) -> [UInt8] {
    let began = runtime.clock.monotonicNanoseconds()
    state.callBegins(at: began)
    let result: Result<[UInt8], SigningError>
    do throws(SigningError) {
      result = .success(try openSession(issuer).sign(tbsResponseData))
    } catch {
      result = .failure(error)
    }
    guard state.callEnds() else { throw .abandoned }
    lastCallEnded = runtime.clock.monotonicNanoseconds()
    switch result {
    case .success(let signature):
      tally.signatures += 1
      tally.nanoseconds += UInt64(max(0, lastCallEnded - began))
      // A slow token is to be seen as one before an order of many is through.
      if tally.nanoseconds > SigningWorker.longestUncountedNanoseconds { count() }
      if placeCounters.takeFailures() || !provenIssuers.contains(issuer.index) {
        provenIssuers.insert(issuer.index)
        runtime.queue.succeeded(issuer.index, place: place)
      }
      return signature
    case .failure(let error): throw failure(error, issuer)
    }
  }

  private func failure(_ error: SigningError, _ issuer: Issuer) -> Failure {
    guard closeSession(of: issuer.index) else { return .abandoned }
    let name = directory.places[place].name
    if error.isFalseSignature {
      runtime.counters.falseSignatures.add(1)
      runtime.log.warning(
        "\(name), issuer '\(issuer.name)': a signature does not verify: all answers of the issuer are verified now, and "
          + "the token's next ones before they are used")
      issuer.progress.answersAreSuspect()
    }
    if error.scope != .thread {
      runtime.counters.signingFailures.add(1)
      placeCounters.hasFailed()
    }
    switch error.scope {
    case .thread:
      runtime.failures.warn("\(name): a thread rests: \(error)")
      return .crowded(error.description)
    case .token:
      runtime.failures.warn("\(name), issuer '\(issuer.name)': \(error)")
      return .place(error.description)
    case .signature:
      // What ends a trial books it.
      guard state.trial == nil else { return .order(error.description) }
      for order in runtime.queue.signatureFailed(issuer.index, place: place, message: error.description) {
        runtime.giveUp(order)
      }
      return .order("\(name), issuer '\(issuer.name)': \(error)")
    case .configuration:
      runtime.log.warning(
        "\(name), issuer '\(issuer.name)': \(error); not tried again before the configuration is read anew (SIGHUP)")
      for orphan in runtime.queue.disable(issuer: issuer.index, place: place, why: error.description) {
        runtime.giveUp(orphan)
      }
      return .key(error.description)
    }
  }

  /// Closing is a call into the module too: it may not return either. False where the thread was given up meanwhile.
  private func closeSession(of issuer: IssuerIndex) -> Bool {
    guard sessions[issuer] != nil else { return true }
    state.callBegins(at: runtime.clock.monotonicNanoseconds())
    sessions[issuer] = nil
    return state.callEnds()
  }

  private func closeSessions() -> Bool {
    state.callBegins(at: runtime.clock.monotonicNanoseconds())
    sessions = [:]
    return state.callEnds()
  }

  private func openSession(_ issuer: Issuer) throws(SigningError) -> any SigningSession {
    guard let signer = directory.key(of: issuer.index, in: place) else {
      throw SigningError("issuer '\(issuer.name)' has no key here any more", scope: .signature)
    }
    if let open = sessions[issuer.index], open.signer === signer { return open.session }
    if sessions.count >= SigningWorker.sessionLimit, let any = sessions.keys.first { sessions[any] = nil }
    let session = try newSession(signer)
    sessions[issuer.index] = (signer, session)
    return session
  }

  /// Where the token has no more, this thread's own for other keys are given back first.
  private func newSession(_ signer: any Signer) throws(SigningError) -> any SigningSession {
    do {
      return try signer.openSession()
    } catch {
      guard error.scope == .thread, !sessions.isEmpty else { throw error }
      sessions = [:]
      return try signer.openSession()
    }
  }

  /// Looks whether the place signs again: opens a session anew and signs something that means nothing.
  private func tryPlace(_ issuer: IssuerIndex) {
    state.tries(issuer)
    guard closeSessions() else { return }
    let wasSigning = runtime.queue.condition(place: place).isSigning
    var trouble: String?
    do throws(Failure) {
      _ = try sign([0x30, 0x00], directory.issuers[issuer])
      let (place, name) = (directory.places[place].name, directory.issuers[issuer].name)
      runtime.log.info(wasSigning ? "\(place) signs for '\(name)'" : "\(place) signs again, for '\(name)'")
    } catch {
      switch error {
      case .abandoned: return
      case .place(let message), .order(let message), .crowded(let message), .key(let message): trouble = message
      }
    }
    state.tries(nil)
    for order in runtime.queue.trialEnded(issuer, place: place, isGood: trouble == nil, message: trouble) {
      runtime.giveUp(order)
    }
  }
}

extension StoredResponse {
  init(_ answer: Answer, issuer: StoreIssuerID, credential: StoreCredentialID, signature: [UInt8]) {
    self.init(
      issuer: issuer, hashAlgorithm: answer.key.hashAlgorithm, serial: answer.key.serial, revision: answer.revision,
      times: answer.times, credential: credential, signature: signature, digestPrefix: answer.digest.prefixWord)
  }
}
