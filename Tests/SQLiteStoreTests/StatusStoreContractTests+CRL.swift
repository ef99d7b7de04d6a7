import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

/// The part of the contract about CRLs.
extension StatusStoreContractTests {
  private func apply(
    _ records: [CertificateRecord], to session: any StatusStoreSession, issuer: StoreIssuerID,
    thisUpdate: UnixTime = Sample.start
  ) throws -> ImportSummary {
    var batches = [records][...]
    return try session.applyRevocationList(
      issuer: issuer, thisUpdate: thisUpdate, source: "a test", at: Sample.start, next: { batches.popFirst() })
  }

  private func listed(_ number: Int, _ reason: RevocationReason?) -> CertificateRecord {
    CertificateRecord(serial: Sample.serial(number), notAfter: nil, revocation: Sample.revocation(reason))
  }

  private func lifted(_ number: Int) -> CertificateRecord {
    CertificateRecord(serial: Sample.serial(number), notAfter: nil)
  }

  @Test("a list with nothing new costs no revision; one with news costs one for all of it", arguments: Kind.allCases)
  func listsThatSayNothingNew(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let before = try add([Sample.record(1), Sample.record(2)], to: session, issuer: issuer).revision
      let list = [listed(1, .keyCompromise), listed(2, .superseded), listed(3, nil)]
      let first = try apply(list, to: session, issuer: issuer)
      #expect((first.added, first.changed, first.revoked) == (1, 2, 3) && first.revision > before)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).revision == first.revision)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(3)).revision == first.revision)
      let second = try apply(list, to: session, issuer: issuer)
      #expect(!second.hasChanges && second.unchanged == 3 && second.revision == first.revision)
      #expect(try session.latestRevision() == first.revision)
      #expect(try apply([], to: session, issuer: issuer).revision == first.revision)
    }
  }

  @Test("a record without a revocation lifts a hold and nothing else (invariants 1 and 3)", arguments: Kind.allCases)
  func liftedHolds(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      _ = try add(
        [
          Sample.record(1, revocation: Sample.revocation(.certificateHold)),
          Sample.record(2, revocation: Sample.revocation(.superseded)),
          Sample.record(3, revocation: Sample.revocation(nil)), Sample.record(4),
        ], to: session, issuer: issuer)
      let summary = try apply((1...5).map { lifted($0) }, to: session, issuer: issuer)
      #expect((summary.added, summary.changed, summary.revoked, summary.keptRevoked.count) == (0, 1, 0, 2))
      func status(_ number: Int) throws -> CertificateRecord? {
        try session.status(issuer: issuer, serial: Sample.serial(number)).record
      }
      #expect(try status(1)?.status == .good && status(1)?.notAfter != nil)
      #expect(try status(2)?.revocation?.reason == .superseded && status(3)?.revocation != nil)
      #expect(try status(4)?.status == .good && status(5) == nil, "a CRL does not say that a certificate was issued")
    }
  }

  @Test("what would change is what is changed, and looking changes nothing", arguments: Kind.allCases)
  func differences(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      _ = try add(
        [
          Sample.record(1), Sample.record(2, revocation: Sample.revocation(.superseded)),
          Sample.record(3, revocation: Sample.revocation(.certificateHold)),
          Sample.record(4, revocation: Sample.revocation(.certificateHold)),
          Sample.record(5, revocation: Sample.revocation(.keyCompromise)),
        ], to: session, issuer: issuer)
      let list = [
        listed(1, nil), listed(2, .superseded), listed(3, .certificateHold), lifted(4), listed(5, .superseded),
        lifted(6),
        listed(7, nil),
      ]
      let before = try session.latestRevision()
      let found = try session.differences(of: list, issuer: issuer, thisUpdate: Sample.start)
      #expect(found.map(\.serial) == [1, 4, 7].map { Sample.serial($0) })
      #expect(try session.latestRevision() == before)
      let other = try store.openSession()
      #expect(try add([Sample.record(8)], to: other, issuer: issuer).added == 1, "nobody is kept from writing")
      let summary = try apply(list, to: session, issuer: issuer)
      #expect(summary.added + summary.updated == 3)
      #expect(try session.differences(of: list, issuer: issuer, thisUpdate: Sample.start) == [])
    }
  }

  @Test("a hold that is newer than the list stays", arguments: Kind.allCases)
  func newerHolds(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let hold = Sample.revocation(.certificateHold)
      _ = try add([Sample.record(1, revocation: hold)], to: session, issuer: issuer)
      let early = hold.time.advanced(bySeconds: -1)
      #expect(try !apply([lifted(1)], to: session, issuer: issuer, thisUpdate: early).hasChanges)
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record?.revocation == hold)
      #expect(try apply([lifted(1)], to: session, issuer: issuer, thisUpdate: hold.time).changed == 1)
    }
  }

  @Test("all of a list or nothing", arguments: Kind.allCases)
  func brokenLists(kind: Kind) throws {
    struct Broken: Error {}
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let before = try session.latestRevision()
      var batches = [[listed(1, nil)]][...]
      #expect(throws: Broken.self) {
        try session.applyRevocationList(issuer: issuer, thisUpdate: Sample.start, source: "x", at: Sample.start) {
          guard let batch = batches.popFirst() else { throw Broken() }
          return batch
        }
      }
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record == nil)
      #expect(try session.latestRevision() == before)
    }
  }

  @Test("certificates on hold are listed in their order, page by page", arguments: Kind.allCases)
  func serialsOnHold(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let other = try session.issuer(name: "two", identity: [2])
      let records = (1...9).map { number in
        let reasons: [RevocationReason?] = [.certificateHold, .superseded, nil]
        return Sample.record(number, revocation: Sample.revocation(reasons[number % 3]))
      }
      _ = try add(records + [Sample.record(12)], to: session, issuer: issuer)
      _ = try add([Sample.record(1, revocation: Sample.revocation(.certificateHold))], to: session, issuer: other)
      let first = try session.serialsOnHold(issuer: issuer, after: nil, limit: 2)
      #expect(first == [Sample.serial(3), Sample.serial(6)])
      #expect(try session.serialsOnHold(issuer: issuer, after: first.last, limit: 2) == [Sample.serial(9)])
      _ = try apply([listed(3, .keyCompromise), lifted(6)], to: session, issuer: issuer)
      #expect(try session.serialsOnHold(issuer: issuer, after: nil, limit: 9) == [Sample.serial(9)])
    }
  }
}
