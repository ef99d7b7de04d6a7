import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

/// Invariant 1 in its pure form: whatever order things happen in, no answer leaves that is older than an applied change.
@Suite("Question machine")
struct QuestionMachineTests {
  /// A store, a cache and one certificate, driven step by step by one question each.
  private struct World {
    let issuer = Sample.issuer()
    let cache = AnswerCache(budgetBytes: 1 << 20, seed: 5)
    let key = ResponseKey(issuer: IssuerIndex(0), hashAlgorithm: .sha1, serial: Sample.serial(1))
    var record = Sample.record(1)
    var rowRevision = Revision(1)
    var storeRevision = Revision(1)
    /// What the caches have seen.
    var appliedRevision = Revision(1)

    mutating func change(_ revocation: Revocation?) {
      storeRevision = Revision(storeRevision.value + 1)
      rowRevision = storeRevision
      record.revocation = revocation
    }

    mutating func changeSomebodyElse() { storeRevision = Revision(storeRevision.value + 1) }

    mutating func apply() {
      cache.fence(key, revision: rowRevision)
      if storeRevision > rowRevision {
        let other = ResponseKey(issuer: IssuerIndex(0), hashAlgorithm: .sha1, serial: Sample.serial(77))
        cache.fence(other, revision: storeRevision)
      }
      appliedRevision = storeRevision
    }

    var reading: StatusReading { StatusReading(record: record, revision: rowRevision, asOf: storeRevision) }

    func sign(_ statement: AnswerBuilder.Statement, _ reading: StatusReading) -> Answer {
      let isRevoked = statement.status != .good
      return Answer(
        key: key, revision: reading.revision,
        times: AnswerTimes(
          producedAt: Sample.start, nextUpdate: Sample.start.advanced(bySeconds: 1000),
          refreshAt: Sample.start.advanced(bySeconds: 500)),
        digest: ResponseDigest(octets: [UInt8](repeating: 0, count: 32)), prefix: [isRevoked ? 1 : 0],
        credential: CredentialIndex(0),
        isForUnissued: false)
    }
  }

  @Test("ten thousand interleavings of a question with changes: never good after a revocation was applied")
  func interleavings() {
    var random = SeededGenerator(seed: 2026)
    var outcomes = (answers: 0, later: 0)
    for _ in 0..<10_000 {
      var world = World()
      var machine = QuestionMachine(policy: world.issuer.policy)
      var action = machine.start()
      /// Whether the revocation had been applied before the answer was handed out.
      var isDone = false
      while !isDone {
        // Between any two steps anything may happen elsewhere.
        for _ in 0..<Int.random(in: 0...2, using: &random) {
          switch Int.random(in: 0..<4, using: &random) {
          case 0: world.change(Sample.revocation())
          case 1: world.changeSomebodyElse()
          default: world.apply()
          }
        }
        let wasRevokedAndApplied = world.record.revocation != nil && world.appliedRevision >= world.rowRevision
        switch action {
        case .readStatus: action = machine.statusRead(world.reading, now: Sample.start)
        case .sign(let statement, let reading):
          action = machine.signed(world.sign(statement, reading), asOf: reading.asOf)
        case .publish(let answer, let asOf):
          action = machine.published(world.cache.publish(answer, asOf: asOf, now: Sample.start))
          if case .finish(.answer(let answer)) = action, wasRevokedAndApplied { #expect(answer.prefix == [1]) }
        case .checkRefusal(let asOf):
          action = machine.refusalChecked(isCurrent: world.cache.isCurrent(world.key, asOf: asOf))
        case .finish(let outcome):
          isDone = true
          if case .answer = outcome { outcomes.answers += 1 } else { outcomes.later += 1 }
        }
      }
      world.apply()
      var octets = [UInt8](repeating: 9, count: 16)
      var span = octets.mutableSpan
      if world.record.revocation != nil, world.cache.copy(world.key, now: Sample.start, into: &span) != nil {
        #expect(octets[0] == 1, "the cache says good of a revoked certificate")
      }
    }
    #expect(outcomes.answers > 5000)
  }

  @Test("changes that never stop end in tryLater, not in a loop")
  func rounds() {
    var machine = QuestionMachine(policy: IssuerPolicy())
    var action = machine.start()
    var steps = 0
    while true {
      steps += 1
      switch action {
      case .readStatus:
        action = machine.statusRead(
          StatusReading(record: Sample.record(1), revision: Revision(UInt64(steps)), asOf: Revision(UInt64(steps))),
          now: Sample.start)
      case .sign(let statement, let reading):
        action = machine.signed(World().sign(statement, reading), asOf: reading.asOf)
      case .publish: action = machine.published(.readStatusAgain)
      case .checkRefusal: action = machine.refusalChecked(isCurrent: false)
      case .finish(let outcome):
        guard case .tryLater = outcome else {
          Issue.record("it ended with \(outcome)")
          return
        }
        #expect(steps < 100)
        return
      }
    }
  }

  @Test("an unrelated change costs no second signature")
  func unrelatedChange() {
    var machine = QuestionMachine(policy: IssuerPolicy())
    let world = World()
    var signatures = 0
    var action = machine.start()
    var publications = 0
    while true {
      switch action {
      case .readStatus: action = machine.statusRead(world.reading, now: Sample.start)
      case .sign(let statement, let reading):
        signatures += 1
        action = machine.signed(world.sign(statement, reading), asOf: reading.asOf)
      case .publish:
        publications += 1
        action = machine.published(publications < 3 ? .readStatusAgain : .stored)
      case .checkRefusal, .finish:
        #expect(signatures == 1 && publications == 3)
        return
      }
    }
  }
}
