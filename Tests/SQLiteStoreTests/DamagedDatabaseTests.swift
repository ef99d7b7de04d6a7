import OCSP
import Responder
import TestSupport
import Testing

@testable import SQLiteStore

/// A database that somebody else wrote into: named errors, never a trap.
@Suite("Damaged database")
struct DamagedDatabaseTests {
  /// What is written, and what the error has to name.
  private static let damages: [(sql: String, words: [String])] = [
    ("UPDATE certificates SET revision = -1", ["'certificates'", "-1"]),
    (
      "UPDATE certificates SET not_after = 9223372036854775807", ["'certificates'", "not_after", "9223372036854775807"]
    ),
    ("UPDATE certificates SET not_after = -9223372036854775808", ["'certificates'", "-9223372036854775808"]),
    ("UPDATE certificates SET revoked_at = 253402300800", ["'certificates'", "revoked_at", "253402300800"]),
    ("UPDATE certificates SET revoked_at = 1, reason = 262", ["'certificates'", "reason", "262"]),
    ("UPDATE certificates SET revoked_at = 1, reason = -1", ["'certificates'", "reason", "-1"]),
    ("UPDATE certificates SET extensions = zeroblob(4097)", ["'certificates'", "4097"]),
  ]

  private func damaged(_ sql: String, _ body: (any StatusStoreSession, StoreIssuerID) throws -> Void) throws {
    try TemporaryFolder.use { folder in
      let path = folder + "/store.sqlite"
      let session = try SQLiteStore(path: path).openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      var batches = [[Sample.record(1)]][...]
      _ = try session.importRecords(
        issuer: issuer, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
      try SQLiteConnection(path: path, create: false).execute(sql)
      try body(session, issuer)
    }
  }

  private func expectCorrupt(_ words: [String], _ body: () throws -> Void) {
    #expect {
      try body()
    } throws: { error in
      guard let error = error as? StoreError, error.kind == .corrupt else { return false }
      return words.allSatisfy { error.description.contains($0) } && error.description.contains("store.sqlite")
    }
  }

  @Test("values of a certificate that cannot be name table and value")
  func certificates() throws {
    for (sql, words) in DamagedDatabaseTests.damages {
      try damaged(sql) { session, issuer in
        let serial = Sample.serial(1)
        expectCorrupt(words) { _ = try session.status(issuer: issuer, serial: serial) }
        expectCorrupt(words) {
          _ = try session.certificates(issuer: issuer, hashAlgorithm: .sha1, after: nil, limit: 10)
        }
        // Behind no position that the program can be at: a negative revision is not among its changes.
        if !sql.contains("revision") {
          expectCorrupt(words) { _ = try session.changes(after: ChangePosition(after: .zero), limit: 10) }
        }
        expectCorrupt(words) {
          _ = try session.revoke(
            issuer: issuer, serial: serial, revocation: Sample.revocation(), isReasonGiven: true, isTimeGiven: false,
            at: Sample.start)
        }
      }
    }
  }

  @Test("a state that cannot be names its table and value, and nothing is written")
  func state() throws {
    try damaged("UPDATE state SET revision = -7") { session, issuer in
      expectCorrupt(["'state'", "-7"]) { _ = try session.latestRevision() }
      expectCorrupt(["'state'", "-7"]) { _ = try session.status(issuer: issuer, serial: Sample.serial(1)) }
      expectCorrupt(["'state'", "-6"]) {
        _ = try session.importRecords(
          issuer: issuer, assertsStatus: true, source: "a test", at: Sample.start, next: { nil })
      }
    }
    try damaged("UPDATE state SET revision = 9223372036854775807") { session, issuer in
      #expect(throws: StoreError.self) {
        try session.importRecords(
          issuer: issuer, assertsStatus: true, source: "a test", at: Sample.start, next: { nil })
      }
      let position = ChangePosition(after: try session.latestRevision())
      #expect(try session.changes(after: position, limit: 10).isEmpty)
      #expect(try session.changes(after: ChangePosition(after: Revision(.max)), limit: 10).isEmpty)
    }
    try damaged("DELETE FROM state") { session, issuer in
      expectCorrupt(["'state'", "empty"]) { _ = try session.status(issuer: issuer, serial: Sample.serial(1)) }
    }
  }
}
