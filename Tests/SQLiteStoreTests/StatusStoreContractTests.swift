import CalendarTime
import Foundation
import OCSP
import Responder
import SQLiteStore
import TestSupport
import Testing

/// What every status store promises, run on the fake and on SQLite.
@Suite("Status store contract", .serialized)
struct StatusStoreContractTests {
  enum Kind: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case sqlite

    var testDescription: String { rawValue }

    func open(_ body: (any StatusStore) throws -> Void) throws {
      switch self {
      case .memory: try body(MemoryStore())
      case .sqlite:
        try TemporaryFolder.use { folder in try body(SQLiteStore(path: folder + "/store.sqlite")) }
      }
    }
  }

  func add(
    _ records: [CertificateRecord], to session: any StatusStoreSession, issuer: StoreIssuerID,
    assertsStatus: Bool = true
  ) throws -> ImportSummary {
    var batches = [records][...]
    return try session.importRecords(
      issuer: issuer, assertsStatus: assertsStatus, source: "a test", at: Sample.start, next: { batches.popFirst() })
  }

  @Test("an issuer keeps its number, and a name cannot stand for two", arguments: Kind.allCases)
  func issuers(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let first = try session.issuer(name: "one", identity: [1])
      #expect(try session.issuer(name: "one", identity: [1]) == first)
      #expect(try session.issuer(name: "two", identity: [2]) != first)
      #expect { try session.issuer(name: "one", identity: [3]) } throws: { ($0 as? StoreError)?.kind == .conflict }
    }
  }

  @Test("what is imported is read, each change with a newer revision", arguments: Kind.allCases)
  func importing(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record == nil)
      var extended = Sample.record(2, revocation: Sample.revocation())
      extended.singleExtensions = [0x30, 0x00]
      let first = try add([Sample.record(1), extended], to: session, issuer: issuer)
      #expect((first.added, first.changed, first.revoked) == (2, 0, 1))
      let reading = try session.status(issuer: issuer, serial: Sample.serial(2))
      #expect(reading.record == extended)
      #expect(reading.revision == first.revision && reading.asOf == first.revision)
      #expect(try session.latestRevision() == first.revision)
      #expect(try session.counts(issuer: issuer) == (2, 1))
      let second = try add([Sample.record(1), extended, Sample.record(3)], to: session, issuer: issuer)
      #expect((second.added, second.changed, second.unchanged) == (1, 0, 2))
      #expect(try session.status(issuer: issuer, serial: Sample.serial(2)).revision == first.revision)
      #expect(second.revision > first.revision)
    }
  }

  @Test("a failing source leaves nothing behind", arguments: Kind.allCases)
  func atomicImport(kind: Kind) throws {
    struct Broken: Error {}
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      var calls = 0
      #expect(throws: Broken.self) {
        try session.importRecords(issuer: issuer, assertsStatus: true, source: "broken", at: Sample.start) {
          calls += 1
          if calls == 3 { throw Broken() }
          return [Sample.record(calls)]
        }
      }
      #expect(try session.counts(issuer: issuer) == (0, 0))
      #expect(try session.latestRevision() == .zero)
    }
  }

  @Test("changes come in order, in pages, each row once", arguments: Kind.allCases)
  func changes(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let one = try session.issuer(name: "one", identity: [1])
      let two = try session.issuer(name: "two", identity: [2])
      _ = try add((1...25).map { Sample.record($0) }, to: session, issuer: one)
      let middle = try add((1...5).map { Sample.record($0) }, to: session, issuer: two).revision
      _ = try add([Sample.record(3, revocation: Sample.revocation())], to: session, issuer: one)
      var seen: [ChangedCertificate] = []
      var position = ChangePosition(after: .zero)
      while true {
        let page = try session.changes(after: position, limit: 7)
        seen += page
        guard let last = page.last else { break }
        position = ChangePosition(revision: last.revision, issuer: last.issuer, serial: last.record.serial)
      }
      #expect(seen.count == 30)
      #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.revision <= $1.revision })
      #expect(seen.last?.record.serial == Sample.serial(3) && seen.last?.issuer == one)
      #expect(try session.changes(after: ChangePosition(after: middle), limit: 100).count == 1)
    }
  }

  @Test(
    "a stored response of an older revision is refused, and one of an older row is not given", arguments: Kind.allCases)
  func responses(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let first = try add([Sample.record(1)], to: session, issuer: issuer).revision
      func stored(_ revision: Revision, _ fill: UInt8, refreshAfter: Int64 = 100) -> StoredResponse {
        StoredResponse(
          issuer: issuer, hashAlgorithm: .sha1, serial: Sample.serial(1), revision: revision,
          times: AnswerTimes(
            producedAt: Sample.start, nextUpdate: Sample.start.advanced(bySeconds: 1000),
            refreshAt: Sample.start.advanced(bySeconds: refreshAfter)), signature: [fill], digestPrefix: UInt64.max)
      }
      func held() throws -> StoredResponse? {
        try session.response(issuer: issuer, hashAlgorithm: .sha1, serial: Sample.serial(1))
      }
      try session.save([stored(first, 1)])
      #expect(try held() == stored(first, 1))
      let revoked = try session.revoke(
        issuer: issuer, serial: Sample.serial(1), revocation: Sample.revocation(), isReasonGiven: true,
        isTimeGiven: false, at: Sample.start)
      guard case .revoked(let second) = revoked else { return }
      #expect(try held() == nil, "the answer before the revocation must not come back")
      try session.save([stored(second, 2)])
      try session.save([stored(first, 3)])
      #expect(try held()?.signature == [2])
      #expect(try session.responsesDue(at: Sample.start, limit: 10).isEmpty)
      let due = try session.responsesDue(at: Sample.start.advanced(bySeconds: 100), limit: 10)
      #expect(due.map(\.serial) == [Sample.serial(1)])
      let page = try session.certificates(issuer: issuer, hashAlgorithm: .sha1, after: nil, limit: 10)
      #expect(page.map(\.response?.signature) == [[2]])
      try session.removeResponses(issuer: issuer, serial: Sample.serial(1))
      #expect(try held() == nil)
    }
  }
}

/// A folder of its own for a test, removed afterwards.
enum TemporaryFolder {
  static func use<Result>(_ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("avouch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
  }
}
