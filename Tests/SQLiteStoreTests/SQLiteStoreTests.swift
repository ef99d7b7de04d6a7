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

  @Test("holds are found by an index of their own, which a store of before gets when it is opened")
  func indexOfHolds() throws {
    try TemporaryFolder.use { folder in
      let path = folder + "/store.sqlite"
      _ = try SQLiteStore(path: path)
      try SQLiteConnection(path: path, create: false).execute("DROP INDEX certificates_on_hold")
      let store = try SQLiteStore(path: path)
      let session = try #require(try store.openSession() as? SQLiteSession)
      let plan = try session.statements.serialsOnHold.queryPlan()
      #expect(plan.count == 1 && plan[0].contains("certificates_on_hold"), "\(plan)")
    }
  }

  @Test("commits wait for the disk, in WAL mode (invariant 2)")
  func durability() throws {
    try TemporaryFolder.use { folder in
      let store = try SQLiteStore(path: folder + "/store.sqlite")
      let session = try #require(try store.openSession() as? SQLiteSession)
      let synchronous = try session.connection.integer("PRAGMA synchronous")
      #expect(synchronous == 2)
      try session.save([], at: Sample.start)
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
      let before = try Data(contentsOf: URL(fileURLWithPath: other))
      #expect { try SQLiteStore(path: other) } throws: { "\($0)".contains("another program") }
      #expect(try Data(contentsOf: URL(fileURLWithPath: other)) == before, "it was changed all the same")
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

  @Test("a session's cache is small, save while it imports; the log shrinks after a large import")
  func memoryAndLog() throws {
    try TemporaryFolder.use { folder in
      let path = folder + "/store.sqlite"
      let store = try SQLiteStore(path: path)
      let session = try #require(try store.openSession() as? SQLiteSession)
      func cache() throws -> Int64 { try session.connection.integer("PRAGMA cache_size") }
      func logBytes() throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int)
      }
      #expect(try cache() == Int64(-SQLiteSession.cacheKibibytes))
      let issuer = try session.issuer(name: "one", identity: [1])
      var number = 0
      _ = try session.importRecords(issuer: issuer, assertsStatus: true, source: "a test", at: Sample.start) {
        let size = try cache()
        #expect(size == Int64(-SQLiteSession.importCacheKibibytes))
        guard number < 8000 else { return nil }
        number += 1
        var record = Sample.record(number)
        record.singleExtensions = [UInt8](repeating: 1, count: 4000)
        return [record]
      }
      #expect(try cache() == Int64(-SQLiteSession.cacheKibibytes))
      #expect(try logBytes() > SQLiteSession.journalLimitBytes, "or the test tests nothing")
      // The next change begins the log again, and cuts it.
      let second = try store.openSession()
      for number in [1, 2] {
        _ = try second.revoke(
          issuer: issuer, serial: Sample.serial(number), revocation: Sample.revocation(), isReasonGiven: true,
          isTimeGiven: false, at: Sample.start)
      }
      #expect(try logBytes() <= SQLiteSession.journalLimitBytes)
    }
  }
}
