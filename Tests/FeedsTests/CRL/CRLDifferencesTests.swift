import CalendarTime
import Foundation
import OCSP
import Records
import Responder
import SQLiteStore
import TestSupport
import Testing

@testable import Feeds

@Suite("CRL differences")
struct CRLDifferencesTests {
  private typealias Entry = TestAuthority.Entry
  private let now = Sample.start
  private let authority: TestAuthority
  private let store = MemoryStore()
  private let session: any StatusStoreSession
  private let issuer: StoreIssuerID

  init() throws {
    authority = try TestAuthority()
    session = try store.openSession()
    issuer = try session.issuer(name: "one", identity: [1])
  }

  private func entry(_ number: Int, _ reason: RevocationReason? = .superseded) -> Entry {
    Entry(Sample.serial(number), reason, at: now.advanced(bySeconds: -100))
  }

  private func apply(_ der: [UInt8], remembering maximum: Int = 100) throws -> CRLDifferences.Outcome {
    let list = try CertificateList(der: der, name: "a.crl", takesDeltas: true)
    return try CRLDifferences(session: session, issuer: issuer, maximumRemembered: maximum)
      .apply(list, source: "a test", at: now)
  }

  private func list(
    _ entries: [Entry], base: UInt8? = nil, distributionPoint: [UInt8]? = nil, before seconds: Int64 = 0
  ) throws -> [UInt8] {
    try authority.list(
      entries, number: 5, thisUpdate: now.advanced(bySeconds: -seconds), base: base,
      distributionPoint: distributionPoint)
  }

  private func reason(_ number: Int) throws -> RevocationReason? {
    try session.status(issuer: issuer, serial: Sample.serial(number)).record?.revocation?.reason
  }

  @Test("only what differs is written, whether it is remembered or read once more", arguments: [100, 2, 0])
  func differences(remembered: Int) throws {
    let entries = (1...50).map { entry($0) }
    #expect(try apply(list(entries), remembering: remembered).summary?.added == 50)
    let before = try session.latestRevision()
    let again = try apply(list(entries), remembering: remembered)
    #expect(again.summary == nil && again.entries == 50)
    #expect(try session.latestRevision() == before)
    let more = try apply(
      list(entries.dropLast() + [entry(51), entry(52), entry(50, .keyCompromise)]),
      remembering: remembered)
    #expect(more.summary.map { [$0.added, $0.changed] } == [2, 1] && more.entries == 52)
    #expect(try reason(50) == .keyCompromise)
  }

  @Test("a complete list lifts the holds that it does not list any more, over many pages, and no other revocation")
  func lifting() throws {
    let holds = (1...10_000).map { Sample.record($0, revocation: Sample.revocation(.certificateHold)) }
    var batches = [holds, [Sample.record(20_000, revocation: Sample.revocation(.superseded))]][...]
    _ = try session.importRecords(issuer: issuer, assertsStatus: true, source: "x", at: now) { batches.popFirst() }
    let kept = Entry(Sample.serial(7777), .certificateHold, at: Sample.revocation().time)
    let summary = try #require(try apply(list([kept])).summary)
    #expect(summary.changed == 9999 && summary.revoked == 0)
    #expect(try session.serialsOnHold(issuer: issuer, after: nil, limit: 5) == [Sample.serial(7777)])
    #expect(try reason(20_000) == .superseded)
    #expect(try apply(list([kept])).summary == nil)
  }

  @Test("a list of a part of the certificates lifts none by its silence; nor does a delta, nor one older than the hold")
  func silence() throws {
    var batches = [[Sample.record(1, revocation: Sample.revocation(.certificateHold))]][...]
    _ = try session.importRecords(issuer: issuer, assertsStatus: true, source: "x", at: now) { batches.popFirst() }
    #expect(try apply(list([], distributionPoint: [0x30, 0x03, 0x81, 0x01, 0xFF])).summary == nil)
    #expect(try apply(list([], base: 1)).summary == nil && apply(list([], before: 61)).summary == nil)
    #expect(try reason(1) == .certificateHold)
    #expect(try apply(list([entry(1, .removeFromCRL)], base: 1)).summary?.changed == 1)
    #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record?.status == .good)
    // A serial that nobody knows is not issued by being released.
    #expect(try apply(list([entry(2, .removeFromCRL)], base: 1)).summary == nil)
  }

  @Test("a list that is malformed towards its end changes nothing")
  func malformed() throws {
    let entries = (1...5000).map { entry($0) }
    #expect(throws: RecordError.self) { try apply(list(entries + [entry(1)]), remembering: 10_000) }
    #expect(try session.latestRevision() == .zero)
  }

  @Test("where the program ends nothing is changed")
  func closing() throws {
    let list = try CertificateList(der: list([entry(1)]), name: "a.crl")
    let differences = CRLDifferences(session: session, issuer: issuer) { true }
    #expect(throws: CRLDifferences.GivenUp.self) { try differences.apply(list, source: "x", at: now) }
    #expect(try session.latestRevision() == .zero)
  }
}

@Suite("Verified CRL")
struct VerifiedCRLTests {
  @Test(
    "signatures of every kind are verified where they lie",
    arguments: [
      (KeyKind.p256, SignatureScheme.Padding.pkcs1), (.p384, .pkcs1), (.rsa(bits: 2048), .pkcs1),
      (.rsa(bits: 2048), .pss), (.ed25519, .pkcs1),
    ])
  func signatures(kind: KeyKind, padding: SignatureScheme.Padding) throws {
    let authority = try TestAuthority(kind: kind, padding: padding)
    let der = try authority.list([], number: 1, thisUpdate: Sample.start)
    func read(_ octets: [UInt8]) throws -> VerifiedCRL {
      try VerifiedCRL(
        file: octets, name: "a.crl", issuer: authority.certificate, now: Sample.start, takesDeltas: false)
    }
    #expect(try read(der).warnings == [])
    for place in [der.count - 1, der.count / 3] {
      var changed = der
      changed[place] ^= 1
      #expect(throws: (any Error).self) { try read(changed) }
    }
    // Another CA of the same name and kind.
    let other = try TestAuthority(kind: kind, padding: padding).list([], number: 1, thisUpdate: Sample.start)
    #expect { try read(other) } throws: { "\($0)".contains("a.crl: the signature") }
  }

  @Test("another issuer and a time to come are refused; one whose end has passed is taken with a warning")
  func namesAndDates() throws {
    let authority = try TestAuthority()
    let der = try authority.list([], number: 1, thisUpdate: Sample.start)
    func read(_ now: UnixTime, _ issuer: TestAuthority) throws -> VerifiedCRL {
      try VerifiedCRL(file: der, name: "a.crl", issuer: issuer.certificate, now: now, takesDeltas: false)
    }
    #expect { try read(Sample.start, try TestAuthority(name: "Other")) } throws: { "\($0)".contains("another issuer") }
    #expect { try read(Sample.start.advanced(bySeconds: -301), authority) } throws: {
      "\($0)".contains("in the future")
    }
    #expect(try read(Sample.start.advanced(bySeconds: -300), authority).warnings == [])
    #expect(try read(Sample.start.advanced(bySeconds: 86_401), authority).warnings.count == 1)
  }
}
