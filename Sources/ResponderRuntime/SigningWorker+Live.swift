import CalendarTime
import Metrics
import OCSP
import Responder
import Synchronization

extension SigningWorker {
  /// Signs a response for one request: with its nonce, or for several certificates.
  func answerLive(_ id: PendingQuestions<any OutcomeReceiver>.ID, _ question: LiveQuestion) throws {
    guard isAwaited(id) else { return }
    let outcome = try liveOutcome(question)
    for waiter in runtime.pending.withLock({ $0.take(id) }) { waiter.receive(outcome) }
  }

  private func liveOutcome(_ question: LiveQuestion) throws -> QuestionOutcome {
    let issuer = directory.issuers[question.issuer]
    let credential = directory.credential(of: issuer).credential
    for _ in 0..<QuestionMachine.maximumRounds {
      let now = runtime.clock.now()
      guard let (statements, asOf) = try statements(question, issuer: issuer, now: now) else { return .unauthorized }
      let times = try times(issuer, now: now, jitter: 0, isForUnissued: statements.contains { $0.isForUnissued })
      let singles = zip(question.entries, statements).map { entry, statement in
        AnswerBuilder.singleResponse(statement, certID: entry.encodedCertID, times: times, issuer: issuer)
      }
      let data = ResponseData(
        responderID: credential.responderID, producedAt: times.producedAt, responses: singles, nonce: question.nonce,
        isExtendedRevoke: statements.contains { $0.isExtendedRevoke }
      ).encoded()
      let signature = try signer.sign(data, issuer)
      // A change that came while we signed makes the snapshot old: once more (invariant 1).
      let isCurrent = question.entries.allSatisfy { entry in
        entry.key.map { runtime.cache.isCurrent($0, asOf: asOf) } ?? true
      }
      guard isCurrent else {
        runtime.counters.overtaken.add(1)
        continue
      }
      let octets = AnswerBuilder.response(tbsResponseData: data, signature: signature, credential: credential)
      return .live(octets: octets, times: times)
    }
    return .tryLater
  }

  /// What is said of each certificate, and the oldest snapshot it was read from. Nil where none of them is on record:
  /// then there is nothing to say beyond `unauthorized`.
  private func statements(
    _ question: LiveQuestion, issuer: Issuer, now: UnixTime
  ) throws(StoreError) -> ([AnswerBuilder.Statement], Revision)? {
    var asOf = Revision(.max)
    var statements: [AnswerBuilder.Statement] = []
    var isAnyKnown = false
    for entry in question.entries {
      var statement: AnswerBuilder.Statement?
      if let key = entry.key {
        let reading = try session.status(issuer: issuer.storeID, serial: key.serial)
        asOf = min(asOf, reading.asOf)
        statement = AnswerBuilder.statement(for: reading, policy: issuer.policy, now: now)
      }
      isAnyKnown = isAnyKnown || statement != nil
      // RFC 6960 4.2.2.3: every certificate asked for gets its entry.
      statements.append(statement ?? AnswerBuilder.Statement(status: .unknown, isForUnissued: true))
    }
    return isAnyKnown ? (statements, asOf) : nil
  }
}
