import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Purges in SQLite")
struct PurgeStoreTests {
  /// A store with the plan of one cache, and a certificate that was revoked after it was on record.
  private func use(_ body: (_ path: String, StoredLine) throws -> Void) throws {
    try TemporaryFolder.use { folder in
      let path = folder + "/store.sqlite"
      let session = try SQLiteStore(path: path).openSession()
      let line = StoredLine(session: session, issuer: try session.issuer(name: "one", identity: [1]))
      try line.plan(["a"])
      try line.add([Sample.record(1), Sample.record(2), Sample.record(3)])
      try line.revoke(1)
      try body(path, line)
    }
  }

  private func open(_ path: String) throws -> StoredLine {
    let session = try SQLiteStore(path: path, create: false).openSession()
    return StoredLine(session: session, issuer: try session.issuer(name: "one", identity: [1]))
  }

  @Test("plan and line are there after the file is opened again, and for whoever else opens it")
  func reopening() throws {
    try use { path, line in
      try line.revoke(2)
      let orders = try line.new()
      try line.settle([PurgeOutcome(orders[1], .putOff(until: Sample.start))])
      let other = try open(path)
      #expect(try other.new() == [orders[0]] && other.due(at: Sample.start) == [orders[1]])
      // As the command line does, which knows of no plan.
      try other.revoke(3)
      #expect(try line.new().map(\.serial) == [Sample.serial(3), Sample.serial(2)])
      try other.plan([])
      try line.take(.issuerCompromised(since: Sample.start))
      #expect(try line.session.purgeBacklog(of: "a").orders == 0)
    }
  }

  @Test("a plan that is as before waits for nobody who writes")
  func samePlan() throws {
    try use { path, line in
      try line.plan(["a"], unissued: [line.issuer])
      let writer = try SQLiteConnection(path: path, create: false)
      try writer.execute("BEGIN IMMEDIATE")
      #expect(try line.plan(["a"], unissued: [line.issuer]) == PurgePlanChange())
      try writer.execute("ROLLBACK")
    }
  }

  @Test("what became of orders does not wait for the disk; everything after it does (invariant 2)")
  func durability() throws {
    try use { _, line in
      try line.settle([PurgeOutcome(try line.new()[0], .done)])
      let session = try #require(line.session as? SQLiteSession)
      #expect(try session.connection.integer("PRAGMA synchronous") == 2)
    }
  }

  @Test("what became of orders is not noted while somebody else writes, and others wait as before")
  func busy() throws {
    try use { path, line in
      let order = try line.new()[0]
      let writer = try SQLiteConnection(path: path, create: false)
      try writer.execute("BEGIN IMMEDIATE")
      let duration = try ContinuousClock().measure {
        #expect {
          try line.settle([PurgeOutcome(order, .done)])
        } throws: { error in
          (error as? StoreError)?.kind == .busy && !"\(error)".contains("10 s")
        }
        // Nobody is put off.
        try line.hurry(to: Sample.start)
      }
      #expect(duration < .seconds(5), "\(duration)")
      let session = try #require(line.session as? SQLiteSession)
      #expect(try session.connection.integer("PRAGMA busy_timeout") == 10_000)
      #expect(try session.connection.integer("PRAGMA synchronous") == 2)
      session.connection.waitForWriters(milliseconds: 1000)
      #expect { try line.revoke(2) } throws: { "\($0)".contains("did not end within 1 s") }
      try writer.execute("ROLLBACK")
      try line.settle([PurgeOutcome(order, .done)])
      #expect(try line.new() == [])
    }
  }

  @Test("both lines are walked along one index, and the oldest is found by it and another")
  func indexes() throws {
    try use { _, line in
      let purges = try #require(line.session as? SQLiteSession).statements.purges
      for statement in [purges.new, purges.due, purges.nextDue, purges.oldestNew, purges.isAfter, purges.hurry] {
        let plan = try statement.queryPlan()
        #expect(plan.contains { $0.contains("purges_in_order") }, "\(plan)")
      }
      let plan = try purges.oldestFailing.queryPlan()
      #expect(plan.contains { $0.contains("INDEX purges_failing") }, "\(plan)")
    }
  }

  @Test("a store of version 4 is taken over with all that it has")
  func migration() throws {
    try use { path, line in
      let before = try line.session.status(issuer: line.issuer, serial: Sample.serial(1))
      let connection = try SQLiteConnection(path: path, create: false)
      for table in ["purges", "purge_caches", "purge_unissued"] { try connection.execute("DROP TABLE \(table)") }
      try connection.execute("ALTER TABLE state DROP COLUMN purging; PRAGMA user_version = 4")
      #expect { try SQLiteStore(readingFrom: path) } throws: { ($0 as? StoreError)?.kind == .corrupt }
      let migrated = try open(path)
      let version = try connection.integer("PRAGMA user_version")
      #expect(version == 5 && version == Schema.version)
      #expect(try migrated.session.status(issuer: migrated.issuer, serial: Sample.serial(1)) == before)
      #expect(try migrated.session.counts(issuer: migrated.issuer) == (3, 1))
      try migrated.revoke(2)
      #expect(try migrated.new() == [], "it has no plan")
      try migrated.plan(["a"])
      try migrated.revoke(3)
      #expect(try migrated.new().map(\.serial) == [Sample.serial(3)])
    }
  }

  @Test("a store that is only looked at shows the line, and keeps its plan")
  func readOnly() throws {
    try use { path, line in
      let orders = try line.new()
      let session = try SQLiteStore(readingFrom: path).openSession()
      #expect(try session.newPurges(for: "a", limit: 10) == orders)
      #expect(try session.purgeBacklog(of: "a") == PurgeBacklog(orders: 1, oldest: Sample.start))
      let same = PurgePlan(caches: ["a"], issuersCachedUnissued: [])
      #expect(try session.setPurgePlan(same) == PurgePlanChange())
      #expect(throws: StoreError.self) {
        try session.setPurgePlan(PurgePlan(caches: [], issuersCachedUnissued: []))
      }
      #expect(throws: StoreError.self) { try session.settlePurges([PurgeOutcome(orders[0], .done)], for: "a") }
      #expect(throws: StoreError.self) {
        try session.orderPurges(issuer: line.issuer, serials: [Sample.serial(2)], at: Sample.start)
      }
      #expect(try line.new() == orders)
    }
  }

  @Test("a line that somebody else wrote into is named, and no time is kept that cannot be read")
  func damage() throws {
    try use { path, line in
      let order = try line.new()[0]
      for time in [Int64.min, 0, Int64.max] {
        try line.settle([PurgeOutcome(order, .putOff(until: .init(seconds: time)))])
        #expect(try line.session.nextDuePurge(for: "a") != nil && line.new() == [])
      }
      let connection = try SQLiteConnection(path: path, create: false)
      for (damage, word) in [
        ("since = 253402300800", "since"), ("since = 1, revision = -1", "-1"),
        ("revision = 1, not_before = 0, serial = zeroblob(0)", "serial"),
      ] {
        try connection.execute("UPDATE purges SET not_before = 0, \(damage)")
        #expect { try line.new() } throws: { error in
          (error as? StoreError)?.kind == .corrupt && "\(error)".contains(word)
        }
      }
    }
  }
}
