import CalendarTime
import OCSP
import Responder
import SQLiteStore
import TestSupport
import Testing

/// What every status store promises of messages, run on the fake and on SQLite.
@Suite("Status messages contract", .serialized)
struct StatusMessageContractTests {
  typealias Kind = StatusStoreContractTests.Kind

  private let later = Sample.start.advanced(bySeconds: 60)

  private func message(
    _ id: String, _ statement: StatusMessage.Statement, issuer: StoreIssuerID, content: UInt8 = 0
  ) -> StatusMessage {
    let digest = ResponseDigest(octets: [UInt8](repeating: content, count: 32))
    return StatusMessage(id: id, digest: digest, issuer: issuer, statement: statement)
  }

  private func use(_ kind: Kind, _ body: (any StatusStoreSession, StoreIssuerID) throws -> Void) throws {
    try kind.open { store in
      let session = try store.openSession()
      try body(session, try session.issuer(name: "one", identity: [1]))
    }
  }

  private func taken(_ outcome: MessageOutcome) -> MessageReceipt? {
    if case .taken(let receipt) = outcome { receipt } else { nil }
  }

  @Test("a message is taken once, and says the same when it comes again", arguments: Kind.allCases)
  func repeated(kind: Kind) throws {
    try use(kind) { session, issuer in
      let records = (1...3).map { Sample.record($0, revocation: Sample.revocation()) }
      let first = message("a", .revoked(records), issuer: issuer)
      let receipt = try #require(taken(try session.take([first], at: later)[0]))
      #expect((receipt.changed, receipt.unchanged) == (3, 0))
      #expect(receipt.revision == (try session.latestRevision()))
      // Something else has happened since.
      _ = try session.take([message("b", .issued([Sample.record(9)]), issuer: issuer)], at: later)
      #expect(try session.take([first], at: later) == [.repeated(receipt)])
      #expect(
        try session.take([message("a", .revoked(records), issuer: issuer, content: 1)], at: later) == [.idTaken])
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).revision == receipt.revision)
      // Twice in one commit.
      let twice = message("c", .revoked([Sample.record(4, revocation: Sample.revocation())]), issuer: issuer)
      let outcomes = try session.take([twice, twice], at: later)
      #expect(outcomes == [.taken(try #require(taken(outcomes[0]))), .repeated(try #require(taken(outcomes[0])))])
    }
  }

  @Test("what is known changes nothing, and takes no revision", arguments: Kind.allCases)
  func unchanged(kind: Kind) throws {
    try use(kind) { session, issuer in
      let record = Sample.record(1, revocation: Sample.revocation())
      _ = try session.take([message("a", .revoked([record]), issuer: issuer)], at: later)
      let before = try session.latestRevision()
      let receipt = try #require(
        taken(try session.take([message("b", .revoked([record, record]), issuer: issuer)], at: later)[0]))
      #expect(receipt == MessageReceipt(revision: before, changed: 0, unchanged: 2))
      #expect(try session.latestRevision() == before)
    }
  }

  @Test("that a certificate was issued never takes its revocation away", arguments: Kind.allCases)
  func issuedLate(kind: Kind) throws {
    try use(kind) { session, issuer in
      let revocation = Sample.revocation()
      var early = Sample.record(1, revocation: revocation)
      early.notAfter = nil
      _ = try session.take([message("a", .revoked([early]), issuer: issuer)], at: later)
      _ = try session.take([message("b", .issued([Sample.record(1)]), issuer: issuer)], at: later)
      let record = try #require(try session.status(issuer: issuer, serial: Sample.serial(1)).record)
      #expect(record.revocation == revocation)
      #expect(record.notAfter == Sample.record(1).notAfter)
    }
  }

  @Test(
    "a hold is released; what is revoked for good, or was never issued, is not, and all of its message with it",
    arguments: Kind.allCases)
  func released(kind: Kind) throws {
    try use(kind) { session, issuer in
      let hold = Revocation(time: Sample.start, reason: .certificateHold)
      let compromise = Revocation(time: Sample.start, reason: .keyCompromise)
      let records = [
        Sample.record(1, revocation: hold), Sample.record(2, revocation: compromise), Sample.record(3),
        Sample.record(4, revocation: hold),
      ]
      _ = try session.take([message("a", .revoked(records), issuer: issuer)], at: later)
      func release(_ id: String, _ numbers: [Int], at time: UnixTime = Sample.start) throws -> MessageOutcome {
        try session.take(
          [message(id, .released(numbers.map { Sample.serial($0) }, at: time), issuer: issuer)], at: later)[0]
      }
      let before = try session.latestRevision()
      #expect(
        try release("b", [1, 2])
          == .contradicted(
            MessageContradiction(place: 1, serial: Sample.serial(2), kind: .revokedForGood(compromise))))
      #expect(
        try release("c", [4, 9])
          == .contradicted(MessageContradiction(place: 1, serial: Sample.serial(9), kind: .notIssued)))
      #expect(try session.latestRevision() == before)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record?.revocation == hold)
      // An older message than the hold: it came late.
      #expect(
        try release("d", [1], at: Sample.start.advanced(bySeconds: -1))
          == .contradicted(MessageContradiction(place: 0, serial: Sample.serial(1), kind: .heldLater(hold))))
      // What was contradicted is not remembered: it may be true another time.
      #expect(taken(try release("b", [1, 3]))?.changed == 1)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record?.revocation == nil)
    }
  }

  @Test("one message that contradicts keeps out no other of the same commit", arguments: Kind.allCases)
  func others(kind: Kind) throws {
    try use(kind) { session, issuer in
      let outcomes = try session.take(
        [
          message("a", .issued([Sample.record(1)]), issuer: issuer),
          message("b", .released([Sample.serial(2)], at: later), issuer: issuer),
          message("c", .revoked([Sample.record(1, revocation: Sample.revocation())]), issuer: issuer),
        ], at: later)
      #expect(taken(outcomes[0]) != nil && taken(outcomes[1]) == nil && taken(outcomes[2]) != nil)
      #expect(try session.counts(issuer: issuer) == (1, 1))
    }
  }

  @Test("a compromised issuer has nothing good left, and its graver revocations stay", arguments: Kind.allCases)
  func compromised(kind: Kind) throws {
    try use(kind) { session, issuer in
      let other = try session.issuer(name: "two", identity: [2])
      let key = Revocation(time: Sample.start.advanced(bySeconds: -100), reason: .keyCompromise)
      let records = (1...5000).map { Sample.record($0, revocation: $0 == 7 ? key : nil) }
      _ = try session.take([message("a", .revoked(records), issuer: issuer)], at: later)
      _ = try session.take([message("b", .issued([Sample.record(1)]), issuer: other)], at: later)
      let outcome = try session.take([message("c", .issuerCompromised(since: Sample.start), issuer: issuer)], at: later)
      #expect(taken(outcome[0])?.changed == 4999)
      #expect(try session.counts(issuer: issuer) == (5000, 5000))
      #expect(try session.counts(issuer: other) == (1, 0))
      #expect(try session.status(issuer: issuer, serial: Sample.serial(7)).record?.revocation == key)
      #expect(
        try session.status(issuer: issuer, serial: Sample.serial(5000)).record?.revocation
          == Revocation(time: Sample.start, reason: .caCompromise))
      // Nor has it later on, whoever tells of it.
      _ = try session.take([message("d", .issued([Sample.record(6000)]), issuer: issuer)], at: later)
      var batches = [[Sample.record(6001)]]
      _ = try session.importRecords(
        issuer: issuer, assertsStatus: true, source: "a test", at: later, next: { batches.popLast() })
      for number in [6000, 6001] {
        #expect(
          try session.status(issuer: issuer, serial: Sample.serial(number)).record?.revocation
            == Revocation(time: Sample.start, reason: .caCompromise))
      }
    }
  }

  @Test("names that begin alike are not the same", arguments: Kind.allCases)
  func names(kind: Kind) throws {
    try use(kind) { session, issuer in
      for (place, name) in ["a", "a\0b", "a\0c", "A"].enumerated() {
        let outcome = try session.take(
          [message(name, .issued([Sample.record(place)]), issuer: issuer, content: UInt8(place))], at: later)
        #expect(taken(outcome[0])?.changed == 1)
      }
    }
  }

  @Test("messages are forgotten in time, and are new ones then", arguments: Kind.allCases)
  func forgotten(kind: Kind) throws {
    try use(kind) { session, issuer in
      let old = message("old", .issued([Sample.record(1)]), issuer: issuer)
      let young = message("young", .issued([Sample.record(2)]), issuer: issuer)
      _ = try session.take([old], at: Sample.start)
      _ = try session.take([young], at: later)
      #expect(try session.forgetMessages(before: later) == 1)
      #expect(try session.forgetMessages(before: later) == 0)
      #expect(taken(try session.take([old], at: later)[0])?.unchanged == 1)
      #expect(taken(try session.take([young], at: later)[0]) == nil)
    }
  }
}
