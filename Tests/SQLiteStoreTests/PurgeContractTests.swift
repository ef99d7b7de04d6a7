import CalendarTime
import OCSP
import Responder
import SQLiteStore
import TestSupport
import Testing

/// What every status store promises of the lines of caches: what is put there. Run on the fake and on SQLite.
@Suite("Purge contract", .serialized)
struct PurgeContractTests {
  typealias Kind = StatusStoreContractTests.Kind

  @Test("without a plan nothing is put in line", arguments: Kind.allCases)
  func withoutPlan(kind: Kind) throws {
    try StoredLine.use(kind, caches: []) { line in
      try line.add([Sample.record(1)])
      try line.revoke(1)
      #expect(try line.session.orderPurges(issuer: line.issuer, serials: [Sample.serial(1)], at: Sample.start) == 0)
      #expect(try line.new() == [])
      #expect(try line.session.purgeBacklog(of: "a") == PurgeBacklog(orders: 0, oldest: nil))
      #expect(try line.session.nextDuePurge(for: "a") == nil)
      // Nor is it afterwards: the cache is new.
      #expect(try line.plan(["a"]) == PurgePlanChange(added: ["a"]))
      #expect(try line.new() == [])
    }
  }

  enum Way: CaseIterable, Sendable {
    case command
    case file
    case list
    case message
    case otherReason
    case release
    case listedRelease
    case singleExtensions
    case compromise
  }

  @Test("whoever changes what answers say puts it in line", arguments: Kind.allCases, Way.allCases)
  func changes(kind: Kind, way: Way) throws {
    try StoredLine.use(kind) { line in
      let later = Sample.start.advanced(bySeconds: 7)
      var held = Sample.record(1)
      switch way {
      case .release, .listedRelease: held.revocation = Sample.revocation(.certificateHold)
      case .otherReason: held.revocation = Sample.revocation(.superseded)
      default: break
      }
      try line.add([held, Sample.record(2)])
      #expect(try line.new() == [], "new ones are in no cache")
      let revoked = Sample.record(1, revocation: Sample.revocation())
      switch way {
      case .command, .otherReason: try line.revoke(1, at: later)
      case .file: try line.add([revoked, Sample.record(2)], at: later)
      case .list: try line.apply([revoked], at: later)
      case .message: try line.take(.revoked([revoked, Sample.record(2)]), at: later)
      case .release: try line.take(.released([Sample.serial(1)], at: later), at: later)
      case .listedRelease: try line.apply([Sample.record(1)], at: later)
      case .singleExtensions:
        held.singleExtensions = [0x30, 0x00]
        try line.take(.issued([held]), at: later)
      case .compromise: try line.take(.issuerCompromised(since: Sample.start), at: later)
      }
      let isGood = way == .release || way == .listedRelease || way == .singleExtensions
      let numbers = way == .compromise ? [1, 2] : [1]
      let revision = try line.session.latestRevision()
      #expect(
        Set(try line.new())
          == Set(numbers.map { line.order($0, revision: revision, since: later, isRevocation: !isGood) }))
    }
  }

  @Test("what no answer says, and what was known, is not put in line", arguments: Kind.allCases)
  func unsaid(kind: Kind) throws {
    try StoredLine.use(kind) { line in
      var record = Sample.record(1)
      record.notAfter = nil
      let revoked = Sample.record(2, revocation: Sample.revocation())
      try line.add([record, revoked])
      let before = try line.session.latestRevision()
      try line.add([Sample.record(1)])
      #expect(try line.session.status(issuer: line.issuer, serial: Sample.serial(1)).revision > before, "it is written")
      try line.add([Sample.record(1), revoked])
      try line.take(.revoked([revoked]))
      try line.apply([revoked])
      try line.revoke(2)
      #expect(try line.new() == [])
    }
  }

  @Test("what was never on record is put in line where caches may hold that it was not", arguments: Kind.allCases)
  func unissued(kind: Kind) throws {
    try StoredLine.use(kind) { line in
      let other = try line.session.issuer(name: "two", identity: [2])
      let listed = CertificateRecord(serial: Sample.serial(2), notAfter: nil, revocation: Sample.revocation())
      try line.add([Sample.record(1)])
      try line.apply([listed])
      try line.take(.issued([Sample.record(3)]))
      #expect(try line.new() == [])
      try line.plan(["a"], unissued: [line.issuer])
      try line.add([Sample.record(1), Sample.record(11)])
      try line.apply([
        listed, CertificateRecord(serial: Sample.serial(12), notAfter: nil, revocation: listed.revocation),
      ])
      try line.take(.issued([Sample.record(13)]))
      try line.add([Sample.record(14)], issuer: other)
      #expect(Set(try line.new().map(\.serial)) == Set([11, 12, 13].map { Sample.serial($0) }))
      #expect(try line.new().first.map { [$0.serial == Sample.serial(12), $0.isRevocation] } == [true, true])
      try line.plan(["a"], unissued: [other])
      try line.add([Sample.record(21)])
      try line.add([Sample.record(22)], issuer: other)
      #expect(try line.new().map(\.serial).contains(Sample.serial(22)))
      #expect(try line.new().count == 4)
    }
  }

  @Test("a compromise puts all of its issuer in line, and what comes after it is revoked", arguments: Kind.allCases)
  func compromise(kind: Kind) throws {
    try StoredLine.use(kind) { line in
      let other = try line.session.issuer(name: "two", identity: [2])
      try line.plan(["a"], unissued: [line.issuer])
      try line.add([Sample.record(1)], issuer: other)
      try line.plan(["a"])
      try line.add((1...5000).map { Sample.record($0, revocation: $0 == 7 ? Sample.revocation() : nil) })
      try line.take(.issuerCompromised(since: Sample.start))
      let orders = try line.new()
      #expect(orders.count == 4999 && orders.allSatisfy { $0.issuer == line.issuer && $0.isRevocation })
      #expect(!orders.contains { $0.serial == Sample.serial(7) }, "it says the same as before")
      // Good in the source, and revoked as it is written.
      try line.plan(["a"], unissued: [line.issuer])
      try line.add([Sample.record(6000)])
      #expect(try line.new().first == line.order(6000, revision: line.session.latestRevision(), isRevocation: true))
    }
  }

  @Test("each cache has a line of its own, and those that are named no more are dropped", arguments: Kind.allCases)
  func caches(kind: Kind) throws {
    try StoredLine.use(kind, caches: ["a", "b", "c"]) { line in
      try line.add([Sample.record(1), Sample.record(2)])
      try line.revoke(1)
      try line.revoke(2)
      let orders = try line.new("a")
      #expect(orders.count == 2)
      #expect(try line.new("b") == orders && line.new("c") == orders && line.new("d") == [])
      try line.settle([PurgeOutcome(orders[0], .done)], "a")
      try line.settle([PurgeOutcome(orders[0], .done), PurgeOutcome(orders[1], .done)], "c")
      #expect(try line.new("a") == [orders[1]] && line.new("b") == orders)
      #expect(try line.plan(["a", "d"]) == PurgePlanChange(added: ["d"], dropped: ["b": 2]), "c had nothing left")
      #expect(try line.new("a") == [orders[1]] && line.new("b") == [] && line.new("d") == [])
      #expect(try line.plan(["a", "d"]) == PurgePlanChange())
      // A name that comes again begins anew.
      #expect(try line.plan(["b"]) == PurgePlanChange(added: ["b"], dropped: ["a": 1]))
      #expect(try line.new("a") == [] && line.new("b") == [])
      try line.settle([PurgeOutcome(orders[0], .putOff(until: Sample.start))], "a")
      #expect(try line.session.purgeBacklog(of: "a").orders == 0)
    }
  }

  @Test("what was purged once, and waits for its repetition, is not lost with its cache", arguments: Kind.allCases)
  func droppedRepetitions(kind: Kind) throws {
    try StoredLine.use(kind, caches: ["a", "b"]) { line in
      try line.add([Sample.record(1), Sample.record(2)])
      try line.revoke(1)
      try line.revoke(2)
      var orders = try line.new("a")
      orders[0].isRepetition = true
      for cache in ["a", "b"] { try line.settle([PurgeOutcome(orders[0], .putOff(until: Sample.start))], cache) }
      orders[1].isRepetition = true
      try line.settle([PurgeOutcome(orders[1], .putOff(until: Sample.start))], "b")
      #expect(try line.plan([]) == PurgePlanChange(dropped: ["a": 1]))
      #expect(try line.plan(["a", "b"]) == PurgePlanChange(added: ["a", "b"]))
      #expect(try line.session.purgeBacklog(of: "a").orders == 0)
    }
  }

  @Test("certificates are put in line whether or not anything has changed", arguments: Kind.allCases)
  func ordered(kind: Kind) throws {
    try StoredLine.use(kind, caches: ["a", "b"]) { line in
      let later = Sample.start.advanced(bySeconds: 7)
      try line.add([Sample.record(1), Sample.record(2, revocation: Sample.revocation())])
      let revision = try line.session.latestRevision()
      let serials = [1, 2, 3].map { Sample.serial($0) }
      #expect(try line.session.orderPurges(issuer: line.issuer, serials: serials, at: later) == 6)
      let expected = [
        line.order(2, revision: revision, since: later, isRevocation: true),
        line.order(1, revision: revision, since: later), line.order(3, revision: .zero, since: later),
      ]
      #expect(try line.new("a") == expected && line.new("b") == expected)
      try line.settle([PurgeOutcome(expected[0], .putOff(until: later))])
      #expect(try line.session.orderPurges(issuer: line.issuer, serials: [Sample.serial(2)], at: later) == 2)
      #expect(try line.new() == expected, "it is tried at once")
      #expect(try line.session.latestRevision() == revision)
    }
  }
}
