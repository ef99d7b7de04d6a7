import CalendarTime
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
      #expect((summary.keptRevoked.count, summary.keptRevoked.updated, summary.changed) == (1, 1, 0))
      let reading = try session.status(issuer: issuer, serial: Sample.serial(1))
      #expect(reading.record == Sample.record(1, revocation: Sample.revocation()))
      #expect(reading.revision == summary.revision)
      #expect(try add([Sample.record(1)], to: session, issuer: issuer).keptRevoked.updated == 0)
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
      #expect((summary.keptRevoked.count, summary.changed) == (2, 1))
      #expect(summary.keptRevoked.examples == [Sample.serial(1), Sample.serial(3)])
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
        #expect(try add([held], to: session, issuer: issuer).keptRevoked.count == 1)
        #expect(try add([Sample.record(number)], to: session, issuer: issuer).keptRevoked.count == 1)
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
      #expect(try add([bare], to: session, issuer: issuer).hasChanges == false)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record == full)
    }
  }

  @Test(
    "a file neither plays a compromise down nor moves a revocation later; by hand the reason can change, never to a hold",
    arguments: Kind.allCases)
  func graverStands(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      func revoked(_ number: Int, _ seconds: Int64, _ reason: RevocationReason?) -> CertificateRecord {
        Sample.record(
          number, revocation: Revocation(time: Sample.start.advanced(bySeconds: seconds), reason: reason))
      }
      func held(_ number: Int) throws -> CertificateRecord? {
        try session.status(issuer: issuer, serial: Sample.serial(number)).record
      }
      func revoke(_ number: Int, _ reason: RevocationReason) throws -> RevocationOutcome {
        try session.revoke(
          issuer: issuer, serial: Sample.serial(number), revocation: Revocation(time: Sample.start, reason: reason),
          isReasonGiven: true, isTimeGiven: false, at: Sample.start)
      }
      let before = [revoked(1, -60, .keyCompromise), revoked(2, -60, .superseded), revoked(3, -60, nil)]
      let first = try add(before, to: session, issuer: issuer)
      let weaker = try add(
        [revoked(1, -60, .superseded), revoked(2, -50, .superseded), revoked(3, -60, nil)], to: session, issuer: issuer)
      #expect((weaker.keptGraver.count, weaker.keptGraver.updated, weaker.unchanged) == (2, 0, 1))
      #expect(weaker.keptGraver.examples == [Sample.serial(1), Sample.serial(2)] && !weaker.hasChanges)
      #expect(try (1...3).map { try held($0) } == before)
      #expect(try session.changes(after: ChangePosition(after: first.revision), limit: 10).isEmpty)
      let earlier = try add(
        [revoked(1, -70, .superseded), revoked(2, -70, .keyCompromise), revoked(3, -50, .superseded)], to: session,
        issuer: issuer)
      #expect((earlier.keptGraver.count, earlier.keptGraver.updated, earlier.changed) == (2, 2, 1))
      let after = [revoked(1, -70, .keyCompromise), revoked(2, -70, .keyCompromise), revoked(3, -60, .superseded)]
      #expect(try (1...3).map { try held($0) } == after)
      #expect(try session.changes(after: ChangePosition(after: first.revision), limit: 10).count == 3)
      guard case .revoked = try revoke(1, .superseded) else {
        Issue.record("the operator's word was not taken")
        return
      }
      #expect(try held(1) == revoked(1, -70, .superseded))
      let refused = try revoke(1, .certificateHold)
      #expect(refused == .alreadyRevoked(Revocation(time: Sample.start.advanced(bySeconds: -70), reason: .superseded)))
    }
  }

  @Test("a hold that a file lifts takes its invalidityDate along, and leaves the certHash", arguments: Kind.allCases)
  func liftedHold(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let certHash = OCSPExtension(identifier: [0x2A, 0x03], value: [5, 0]).encoded()
      var onHold = Sample.record(1, revocation: Sample.revocation(.certificateHold))
      onHold.singleExtensions = certHash + SingleExtension.invalidityDate(Sample.start)
      _ = try add([onHold], to: session, issuer: issuer)
      #expect(try add([Sample.record(1)], to: session, issuer: issuer).changed == 1)
      let record = try session.status(issuer: issuer, serial: Sample.serial(1)).record
      #expect(record?.status == .good && record?.singleExtensions == certHash)
      #expect(try add([Sample.record(1)], to: session, issuer: issuer).unchanged == 1)
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
