import Foundation
import Responder
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("A store that is only looked at")
struct ReadOnlyStoreTests {
  @Test("reads what is there, makes no issuer, and refuses to write")
  func reading() throws {
    try TemporaryFolder.use { folder in
      let path = folder + "/store.sqlite"
      var before = Data()
      do {
        let session = try SQLiteStore(path: path).openSession()
        let issuer = try session.issuer(name: "one", identity: [1])
        var batches = [[Sample.record(1)]][...]
        _ = try session.importRecords(
          issuer: issuer, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
      }
      before = try Data(contentsOf: URL(fileURLWithPath: path))
      do {
        let store = try SQLiteStore(readingFrom: path)
        #expect(try store.recordedIssuer(name: "two", identity: [2]) == nil)
        #expect { try store.recordedIssuer(name: "one", identity: [2]) } throws: {
          ($0 as? StoreError)?.kind == .conflict
        }
        let issuer = try #require(try store.recordedIssuer(name: "one", identity: [1]))
        let session = try store.openSession()
        #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record == Sample.record(1))
        #expect { try session.issuer(name: "two", identity: [2]) } throws: {
          ($0 as? StoreError)?.kind == .inaccessible
        }
        #expect(throws: StoreError.self) {
          try session.revoke(
            issuer: issuer, serial: Sample.serial(1), revocation: Sample.revocation(), isReasonGiven: true,
            isTimeGiven: false, at: Sample.start)
        }
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["store.sqlite"])
    }
  }

  @Test("another program's database and an older kind of journal are left as they are")
  func leavesOthersAlone() throws {
    try TemporaryFolder.use { folder in
      let other = folder + "/other.sqlite"
      let connection = try SQLiteConnection(path: other, create: true)
      try connection.execute("CREATE TABLE mine (id INTEGER)")
      #expect { try SQLiteStore(readingFrom: other) } throws: { ($0 as? StoreError)?.kind == .corrupt }
      #expect(try connection.journalMode() == "delete")
      let own = folder + "/own.sqlite"
      _ = try SQLiteStore(path: own)
      let second = try SQLiteConnection(path: own, create: false)
      try second.execute("PRAGMA journal_mode = DELETE")
      _ = try SQLiteStore(readingFrom: own)
      #expect(try second.journalMode() == "delete")
      #expect(throws: StoreError.self) { try SQLiteStore(readingFrom: folder + "/missing.sqlite") }
    }
  }
}

extension SQLiteConnection {
  fileprivate func journalMode() throws -> String? {
    let statement = try prepare("PRAGMA journal_mode")
    return try statement.step() ? statement.text(0) : nil
  }
}
