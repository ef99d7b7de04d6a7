import CalendarTime
import OCSP
import Responder
import Synchronization

/// What a signing thread is given to do.
enum SigningJob: Sendable {
  /// Somebody waits for it.
  case question(PendingQuestions<any OutcomeReceiver>.ID, ResponseKey)
  case live(PendingQuestions<any OutcomeReceiver>.ID, LiveQuestion)
  /// Ahead of any question: a revocation, a refresh, the first answer of all.
  case ahead(ResponseKey, AheadOfTime)

  enum AheadOfTime: Sendable {
    case change
    case presign
    case refresh
  }
}

/// One signing thread: reads the status, signs, publishes, and tells those who wait.
///
/// The store's connection, the signing sessions and the machine's actions are this thread's alone. `@unchecked`: made
/// on the starting thread and used by one other from then on.
final class SigningWorker: @unchecked Sendable {
  let runtime: ResponderRuntime
  let session: any StatusStoreSession
  private var signingSessions: [Int: any SigningSession] = [:]
  private var random = SystemRandomNumberGenerator()

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
  }

  func run() {
    while let job = runtime.queue.pop() {
      switch job {
      case .question(let id, let key): answerQuestion(id, key)
      case .live(let id, let question): answerLive(id, question)
      case .ahead(let key, let reason): signAhead(key, reason)
      }
    }
  }

  // MARK: - One question

  private func answerQuestion(_ id: PendingQuestions<any OutcomeReceiver>.ID, _ key: ResponseKey) {
    var waiters: [any OutcomeReceiver] = []
    let outcome = drive(key, mayUseStored: true) {
      waiters += runtime.pending.withLock { $0.take(id) }
    }
    // Where a failure ended it before it was published, nobody has been taken yet.
    waiters += runtime.pending.withLock { $0.take(id) }
    for waiter in waiters { waiter.receive(outcome) }
  }

  private func signAhead(_ key: ResponseKey, _ reason: SigningJob.AheadOfTime) {
    defer { if reason == .presign { runtime.presigning.wrappingSubtract(1, ordering: .releasing) } }
    if reason == .presign, runtime.cache.peek(key) != nil { return }
    let outcome = drive(key, mayUseStored: false) {}
    switch (outcome, reason) {
    case (.answer, .presign): runtime.counters.presigned.add(1)
    case (.answer, .refresh): runtime.counters.refreshes.add(1)
    case (.unauthorized, _):
      // No longer answered for: the store need not remember to refresh it.
      let issuer = runtime.issuers[key.issuer]
      _ = try? session.removeResponses(issuer: issuer.storeID, serial: key.serial)
    default: break
    }
  }

  /// Runs the machine of one question to its end.
  ///
  /// - Parameters:
  ///   - mayUseStored: whether an answer already signed, in the cache by now or in the store, will do.
  ///   - closing: called before anything is offered to the cache: from then on new askers start anew.
  private func drive(_ key: ResponseKey, mayUseStored: Bool, closing: () -> Void) -> QuestionOutcome {
    let issuer = runtime.issuers[key.issuer]
    var machine = QuestionMachine(policy: issuer.policy)
    var action = machine.start()
    while true {
      do {
        switch action {
        case .readStatus:
          let reading = try session.status(issuer: issuer.storeID, serial: key.serial)
          action = machine.statusRead(reading, now: runtime.clock.now())
        case .sign(let statement, let reading):
          guard let answer = try answer(key, statement, reading, issuer, mayUseStored: mayUseStored) else {
            action = machine.failed()
            continue
          }
          action = machine.signed(answer, asOf: reading.asOf)
        case .publish(let answer, let asOf):
          closing()
          let publication = runtime.cache.publish(answer, asOf: asOf)
          if publication == .readStatusAgain || publication == .superseded { runtime.counters.overtaken.add(1) }
          action = machine.published(publication)
        case .checkRefusal(let asOf):
          closing()
          action = machine.refusalChecked(isCurrent: runtime.cache.isCurrent(key, asOf: asOf))
        case .finish(let outcome):
          switch outcome {
          case .answer(let answer): return .answer(answer)
          case .unauthorized: return .unauthorized
          case .tryLater: return .tryLater
          case .readCache: return cached(key).map { .answer($0) } ?? .tryLater
          }
        }
      } catch {
        report(error)
        action = machine.failed()
      }
    }
  }

  /// The stored answer where it is still fresh, else a new one, which is handed to the saver.
  private func answer(
    _ key: ResponseKey, _ statement: AnswerBuilder.Statement, _ reading: StatusReading, _ issuer: Issuer,
    mayUseStored: Bool
  ) throws -> Answer? {
    let now = runtime.clock.now()
    if mayUseStored, !statement.isForUnissued,
      let stored = try session.response(
        issuer: issuer.storeID, hashAlgorithm: key.hashAlgorithm, serial: key.serial),
      stored.revision == reading.revision, now < stored.times.refreshAt,
      let answer = runtime.rebuild(stored, statement: statement, key: key)
    {
      return answer
    }
    guard let certID = issuer.certID(key.serial, key.hashAlgorithm),
      let times = AnswerBuilder.times(issuer: issuer, now: now, jitter: Double.random(in: 0...1, using: &random))
    else {
      throw SigningError(
        "issuer '\(issuer.name)': the signer's certificate is valid from \(issuer.signerNotBefore.iso8601) to "
          + "\(issuer.signerNotAfter.iso8601), and it is \(now.iso8601): nothing can be signed")
    }
    let tbs = AnswerBuilder.tbsResponseData(statement, certID: certID, times: times, issuer: issuer)
    let signature = try sign(tbs, issuer)
    let answer = AnswerBuilder.answer(
      key: key, revision: reading.revision, times: times, isForUnissued: statement.isForUnissued, tbsResponseData: tbs,
      signature: signature, issuer: issuer, suffix: runtime.certificatesSuffix(key.issuer), hasher: runtime.hasher)
    if !statement.isForUnissued {
      runtime.saver.offer(StoredResponse(answer, issuer: issuer.storeID, signature: signature))
    }
    return answer
  }

  func sign(_ tbsResponseData: [UInt8], _ issuer: Issuer) throws(SigningError) -> [UInt8] {
    let place = Int(issuer.index.value)
    let signer: any SigningSession
    if let open = signingSessions[place] {
      signer = open
    } else {
      signer = try issuer.signer.openSession()
      signingSessions[place] = signer
    }
    let signature = try signer.sign(tbsResponseData)
    runtime.counters.signatures.add(1)
    return signature
  }

  func randomJitter() -> Double {
    Double.random(in: 0...1, using: &random)
  }

  /// The cache's answer as a value: for waiters that a newer one overtook.
  private func cached(_ key: ResponseKey) -> Answer? {
    var octets = [UInt8](repeating: 0, count: 8 << 10)
    var span = octets.mutableSpan
    guard let head = runtime.cache.copy(key, now: runtime.clock.now(), into: &span),
      let held = runtime.cache.peek(key)
    else { return nil }
    octets.removeLast(octets.count - head.prefixCount)
    return Answer(
      key: key, revision: held.revision, times: head.times, digest: head.digest, prefix: octets, isForUnissued: false)
  }

  func report(_ error: any Error) {
    if error is StoreError {
      runtime.counters.storeFailures.add(1)
    } else {
      runtime.counters.signingFailures.add(1)
    }
    runtime.failures.warn("an answer could not be made: \(error)")
  }
}

extension StoredResponse {
  init(_ answer: Answer, issuer: StoreIssuerID, signature: [UInt8]) {
    self.init(
      issuer: issuer, hashAlgorithm: answer.key.hashAlgorithm, serial: answer.key.serial, revision: answer.revision,
      times: answer.times, signature: signature, digestPrefix: answer.digest.prefixWord)
  }
}
