import Foundation
import OCSP
import Responder
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("SQLite store")
struct SQLiteStoreTests {
  @Test("every query the program makes uses an index")
  func queryPlans() throws {
    try TemporaryFolder.use { folder in
      let store = try SQLiteStore(path: folder + "/store.sqlite")
      let session = try #require(try store.openSession() as? SQLiteSession)
      for statement in session.statements.all {
        for line in try statement.queryPlan() {
          #expect(!line.hasPrefix("SCAN") || line == "SCAN s", "\(line)")
          #expect(!line.contains("TEMP B-TREE"), "\(line)")
        }
      }
    }
  }

  @Test("commits wait for the disk, in WAL mode (invariant 2)")
  func durability() throws {
    try TemporaryFolder.use { folder in
      let store = try SQLiteStore(path: folder + "/store.sqlite")
      let session = try #require(try store.openSession() as? SQLiteSession)
      let synchronous = try session.connection.integer("PRAGMA synchronous")
      #expect(synchronous == 2)
      try session.save([])
      #expect(try session.connection.integer("PRAGMA synchronous") == 2)
    }
  }

  @Test("files that are no store of ours are refused by name")
  func foreignFiles() throws {
    try TemporaryFolder.use { folder in
      let text = folder + "/notes.txt"
      try Data("this is no database, and long enough to be taken for one if nobody looks".utf8).write(
        to: URL(fileURLWithPath: text))
      #expect { try SQLiteStore(path: text) } throws: { error in
        let error = error as? StoreError
        return error?.kind == .corrupt && error?.description.contains(text) == true
      }
      let missing = folder + "/missing.sqlite"
      #expect { try SQLiteStore(path: missing, create: false) } throws: { error in
        let error = error as? StoreError
        return error?.kind == .inaccessible && error?.description.contains(missing) == true
      }
      let other = folder + "/other.sqlite"
      let connection = try SQLiteConnection(path: other, create: true)
      try connection.execute("CREATE TABLE mine (id INTEGER)")
      #expect { try SQLiteStore(path: other) } throws: { "\($0)".contains("another program") }
    }
  }

  @Test("what was committed is there after the file is opened again")
  func reopening() throws {
    try TemporaryFolder.use { folder in
      let path = folder + "/store.sqlite"
      var issuer = StoreIssuerID(0)
      do {
        let session = try SQLiteStore(path: path).openSession()
        issuer = try session.issuer(name: "one", identity: [1])
        var batches = [[Sample.record(1, revocation: Sample.revocation())]][...]
        _ = try session.importRecords(
          issuer: issuer, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
      }
      let session = try SQLiteStore(path: path, create: false).openSession()
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record?.revocation == Sample.revocation())
    }
  }

  @Test("a CRL first, then an index that says good: the end is learnt, the revocation kept, and the change followed")
  func learnsTheEnd() throws {
    try TemporaryFolder.use { folder in
      let session = try SQLiteStore(path: folder + "/store.sqlite").openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      func add(_ record: CertificateRecord) throws -> ImportSummary {
        var batches = [[record]][...]
        return try session.importRecords(
          issuer: issuer, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
      }
      var listed = Sample.record(1, revocation: Sample.revocation())
      listed.notAfter = nil
      _ = try add(listed)
      let summary = try add(Sample.record(1))
      #expect((summary.keptRevoked, summary.keptRevokedUpdated, summary.changed) == (1, 1, 0))
      let reading = try session.status(issuer: issuer, serial: Sample.serial(1))
      #expect(reading.record == Sample.record(1, revocation: Sample.revocation()))
      #expect(reading.revision == summary.revision)
      #expect(try add(Sample.record(1)).keptRevokedUpdated == 0)
    }
  }
}
