import OCSP
import Responder
import TestSupport
import Testing

/// The part of the contract about revocations: what an import and `revoke` may do to them.
extension StatusStoreContractTests {
  @Test(
    "a CRL first, then an index that says good: the end is learnt, the revocation kept, and the change followed",
    arguments: Kind.allCases)
  func learnsTheEnd(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      var listed = Sample.record(1, revocation: Sample.revocation())
      listed.notAfter = nil
      _ = try add([listed], to: session, issuer: issuer)
      let summary = try add([Sample.record(1)], to: session, issuer: issuer)
      #expect((summary.keptRevoked, summary.keptRevokedUpdated, summary.changed) == (1, 1, 0))
      let reading = try session.status(issuer: issuer, serial: Sample.serial(1))
      #expect(reading.record == Sample.record(1, revocation: Sample.revocation()))
      #expect(reading.revision == summary.revision)
      #expect(try add([Sample.record(1)], to: session, issuer: issuer).keptRevokedUpdated == 0)
    }
  }

  @Test("revoked never turns back into good by an import, save from certificateHold", arguments: Kind.allCases)
  func staysRevoked(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      _ = try add(
        [
          Sample.record(1, revocation: Sample.revocation(.keyCompromise)),
          Sample.record(2, revocation: Sample.revocation(.certificateHold)),
          Sample.record(3, revocation: Sample.revocation(nil)),
        ], to: session, issuer: issuer)
      let summary = try add([Sample.record(1), Sample.record(2), Sample.record(3)], to: session, issuer: issuer)
      #expect((summary.keptRevoked, summary.changed) == (2, 1))
      #expect(summary.keptRevokedExamples == [Sample.serial(1), Sample.serial(3)])
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record?.revocation != nil)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(2)).record?.status == .good)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(3)).record?.revocation != nil)
    }
  }

  @Test(
    "invariant 1: a permanent revocation is never turned into a hold, which could be lifted", arguments: Kind.allCases)
  func neverHeldAgain(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      for reason in RevocationReason.allCases.map(Optional.some) + [nil] where reason != .certificateHold {
        let number = 100 + Int(reason?.rawValue ?? 50)
        _ = try add([Sample.record(number, revocation: Sample.revocation(reason))], to: session, issuer: issuer)
        let outcome = try session.revoke(
          issuer: issuer, serial: Sample.serial(number), revocation: Sample.revocation(.certificateHold),
          isReasonGiven: true, isTimeGiven: false, at: Sample.start)
        #expect(outcome == .alreadyRevoked(Sample.revocation(reason)))
        let held = Sample.record(number, revocation: Sample.revocation(.certificateHold))
        #expect(try add([held], to: session, issuer: issuer).keptRevoked == 1)
        #expect(try add([Sample.record(number)], to: session, issuer: issuer).keptRevoked == 1)
        let reading = try session.status(issuer: issuer, serial: Sample.serial(number))
        #expect(reading.record?.revocation == Sample.revocation(reason))
      }
    }
  }

  /// What is held, what `revoke` is given (nil: no reason), and the reason held afterwards (`.some(nil)`: none given).
  private static let revocations: [(held: Revocation?, new: RevocationReason?, after: RevocationReason?)] = [
    (nil, .certificateHold, .certificateHold), (nil, .superseded, .superseded), (nil, nil, nil),
    (Sample.revocation(.certificateHold), .certificateHold, .certificateHold),
    (Sample.revocation(.certificateHold), .superseded, .superseded), (Sample.revocation(.certificateHold), nil, nil),
    (Sample.revocation(.keyCompromise), .certificateHold, .keyCompromise),
    (Sample.revocation(.keyCompromise), .superseded, .superseded),
    (Sample.revocation(.keyCompromise), nil, .keyCompromise),
  ]

  @Test(
    "revoke: none, hold or permanent held; hold, permanent with a reason or without given: only a hold can be lifted",
    arguments: Kind.allCases)
  func revocationOverRevocation(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      for (place, (held, new, after)) in StatusStoreContractTests.revocations.enumerated() {
        for isTimeGiven in [false, true] {
          let number = 2 * place + (isTimeGiven ? 1 : 0)
          let serial = Sample.serial(number)
          _ = try add([Sample.record(number, revocation: held)], to: session, issuer: issuer)
          let given = Revocation(time: Sample.start, reason: new)
          let outcome = try session.revoke(
            issuer: issuer, serial: serial, revocation: given, isReasonGiven: new != nil, isTimeGiven: isTimeGiven,
            at: Sample.start)
          let isRefused = held?.isPermanent == true && new == .certificateHold
          let time = held == nil || (isTimeGiven && !isRefused) ? given.time : held?.time
          let expected = try Revocation(time: #require(time), reason: after)
          #expect(try session.status(issuer: issuer, serial: serial).record?.revocation == expected, "\(number)")
          #expect((outcome == .alreadyRevoked(expected)) == (expected == held), "\(number): \(outcome)")
          _ = try add([Sample.record(number)], to: session, issuer: issuer)
          let record = try session.status(issuer: issuer, serial: serial).record
          #expect(record?.revocation == (expected.isPermanent ? expected : nil), "\(number)")
        }
      }
    }
  }

  @Test("a source that knows less takes nothing away: reason, time, single extensions", arguments: Kind.allCases)
  func knowsLess(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      var full = Sample.record(1, revocation: Sample.revocation(.keyCompromise))
      full.singleExtensions = [0x30, 0x00]
      _ = try add([full], to: session, issuer: issuer)
      var bare = Sample.record(1, revocation: Revocation(time: Sample.start, reason: nil))
      bare.notAfter = nil
      #expect(try add([bare], to: session, issuer: issuer).unchanged == 1)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record == full)
    }
  }

  @Test("a source that says nothing of revocation changes none", arguments: Kind.allCases)
  func statusless(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      _ = try add([Sample.record(1, revocation: Sample.revocation(.certificateHold))], to: session, issuer: issuer)
      let summary = try add([Sample.record(1), Sample.record(2)], to: session, issuer: issuer, assertsStatus: false)
      #expect((summary.added, summary.unchanged, summary.changed) == (1, 1, 0))
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record?.revocation != nil)
    }
  }

  @Test("a revocation is there once, under a new revision", arguments: Kind.allCases)
  func revoking(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let before = try add([Sample.record(1)], to: session, issuer: issuer).revision
      func revoke(_ number: Int, _ reason: RevocationReason?, isReasonGiven: Bool = true) throws -> RevocationOutcome {
        try session.revoke(
          issuer: issuer, serial: Sample.serial(number), revocation: Sample.revocation(reason),
          isReasonGiven: isReasonGiven, isTimeGiven: false, at: Sample.start)
      }
      #expect(try revoke(9, .superseded) == .notIssued)
      guard case .revoked(let revision) = try revoke(1, .superseded) else {
        Issue.record("not revoked")
        return
      }
      #expect(revision > before)
      #expect(try revoke(1, nil, isReasonGiven: false) == .alreadyRevoked(Sample.revocation(.superseded)))
      guard case .revoked(let later) = try revoke(1, .keyCompromise) else {
        Issue.record("a graver reason was not taken")
        return
      }
      #expect(later > revision)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record?.revocation?.reason == .keyCompromise)
    }
  }
}
