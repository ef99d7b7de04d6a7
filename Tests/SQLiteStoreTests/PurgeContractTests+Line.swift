import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

/// The part of the contract about what is taken out of the line, in which order, and what becomes of it.
extension PurgeContractTests {
  private func after(_ seconds: Int64) -> UnixTime { Sample.start.advanced(bySeconds: seconds) }

  @Test("the newest revocation comes first, and what is good behind all of them", arguments: Kind.allCases)
  func order(kind: Kind) throws {
    try StoredLine.use(kind) { line in
      let hold = Sample.revocation(.certificateHold)
      try line.add((1...6).map { Sample.record($0, revocation: $0 > 4 ? hold : nil) })
      try line.revoke(1)
      try line.take(.released([Sample.serial(5)], at: Sample.start))
      try line.revoke(2)
      try line.take(.released([Sample.serial(6)], at: Sample.start))
      try line.revoke(3, .certificateHold)
      #expect(try line.new().map(\.serial) == [3, 2, 1, 6, 5].map { Sample.serial($0) })
      #expect(try line.new(limit: 2).map(\.serial) == [3, 2].map { Sample.serial($0) })
      #expect(try line.new().map(\.isRevocation) == [true, true, true, false, false])
      #expect(try line.session.purgeBacklog(of: "a") == PurgeBacklog(orders: 5, oldest: Sample.start))
    }
  }

  @Test(
    "changes of one certificate wait as one, as long as the oldest and as urgent as the newest",
    arguments: Kind.allCases)
  func coalescing(kind: Kind) throws {
    try StoredLine.use(kind) { line in
      try line.add([Sample.record(1)])
      try line.revoke(1, .certificateHold, at: after(10))
      var order = try #require(try line.new().first)
      order.failures = 3
      order.isRepetition = true
      try line.settle([PurgeOutcome(order, .putOff(until: after(500)))])
      #expect(try line.new() == [] && line.due(at: after(500)) == [order])
      try line.take(.released([Sample.serial(1)], at: after(20)), at: after(20))
      let second = line.order(1, revision: try line.session.latestRevision(), since: after(10), isRevocation: false)
      #expect(try line.new() == [second])
      #expect(try line.due(at: after(500)) == [] && line.session.nextDuePurge(for: "a") == nil)
      // A clock that was ahead is not believed for ever.
      try line.revoke(1, at: after(5))
      #expect(
        try line.new()
          == [line.order(1, revision: try line.session.latestRevision(), since: after(5), isRevocation: true)])
      #expect(try line.session.purgeBacklog(of: "a") == PurgeBacklog(orders: 1, oldest: after(5)))
    }
  }

  @Test("what became of an older change leaves the newer one in line", arguments: Kind.allCases)
  func newerChange(kind: Kind) throws {
    try StoredLine.use(kind) { line in
      try line.add([Sample.record(1)])
      try line.revoke(1, .certificateHold)
      let first = try #require(try line.new().first)
      try line.revoke(1, .keyCompromise)
      let second = try #require(try line.new().first)
      #expect(second.revision > first.revision)
      try line.settle([PurgeOutcome(first, .done)])
      #expect(try line.new() == [second])
      try line.settle([PurgeOutcome(first, .putOff(until: after(10)))])
      #expect(try line.new() == [second] && line.session.nextDuePurge(for: "a") == nil)
      try line.settle([PurgeOutcome(second, .done)])
      #expect(try line.session.purgeBacklog(of: "a") == PurgeBacklog(orders: 0, oldest: nil))
      try line.settle([PurgeOutcome(second, .putOff(until: after(10))), PurgeOutcome(second, .done)])
      try line.settle([])
      #expect(try line.session.purgeBacklog(of: "a").orders == 0, "what is over does not come back")
    }
  }

  @Test("what is put off comes in its time, the earliest first", arguments: Kind.allCases)
  func putOff(kind: Kind) throws {
    try StoredLine.use(kind) { line in
      try line.add((1...5).map { Sample.record($0) })
      for number in 1...5 { try line.revoke(number, at: after(Int64(number))) }
      #expect(try line.session.nextDuePurge(for: "a") == nil)
      let orders = try line.new().sorted { $0.serial < $1.serial }
      var outcomes: [PurgeOutcome] = []
      for (place, seconds) in [(0, 300), (1, 100), (2, 200)] {
        var order = orders[place]
        order.failures = place
        order.isRepetition = place == 2
        outcomes.append(PurgeOutcome(order, .putOff(until: after(Int64(seconds)))))
      }
      try line.settle(outcomes + [PurgeOutcome(orders[4], .done)])
      #expect(try line.new() == [orders[3]])
      #expect(try line.session.nextDuePurge(for: "a") == after(100))
      #expect(try line.due(at: after(99)) == [])
      #expect(try line.due(at: after(100)) == [outcomes[1].order])
      #expect(try line.due(at: after(1000)) == [1, 2, 0].map { outcomes[$0].order })
      #expect(try line.due(at: after(1000), limit: 2) == [1, 2].map { outcomes[$0].order })
      #expect(try line.session.duePurges(for: "b", at: after(1000), limit: 10) == [])
      #expect(try line.session.purgeBacklog(of: "a") == PurgeBacklog(orders: 4, oldest: after(1)))
      try line.settle([
        PurgeOutcome(outcomes[1].order, .putOff(until: after(900))), PurgeOutcome(outcomes[2].order, .done),
      ])
      #expect(try line.session.nextDuePurge(for: "a") == after(300))
      #expect(try line.due(at: after(1000)) == [0, 1].map { outcomes[$0].order })
    }
  }

  @Test("the oldest is what was not purged yet; all are counted", arguments: Kind.allCases)
  func backlog(kind: Kind) throws {
    try StoredLine.use(kind) { line in
      func oldest() throws -> UnixTime? { try line.session.purgeBacklog(of: "a").oldest }
      try line.add((1...4).map { Sample.record($0, revocation: $0 == 4 ? Sample.revocation(.certificateHold) : nil) })
      for number in 1...3 { try line.revoke(number, at: after(Int64(number * 10))) }
      #expect(try oldest() == after(10))
      try line.take(.released([Sample.serial(4)], at: after(5)), at: after(5))
      #expect(try oldest() == after(5), "what is no revocation counts too")
      var orders = try line.new()
      #expect(orders.map(\.serial) == [3, 2, 1, 4].map { Sample.serial($0) })
      try line.settle([PurgeOutcome(orders[3], .done), PurgeOutcome(orders[2], .putOff(until: after(500)))])
      #expect(try oldest() == after(10), "it failed")
      orders[2].isRepetition = true
      try line.settle([PurgeOutcome(orders[2], .putOff(until: after(500)))])
      #expect(try oldest() == after(20), "it is purged, and waits for its repetition")
      for place in [0, 1] { orders[place].isRepetition = true }
      try line.settle(orders.prefix(2).map { PurgeOutcome($0, .putOff(until: after(500))) })
      #expect(try line.session.purgeBacklog(of: "a") == PurgeBacklog(orders: 3, oldest: nil))
    }
  }

  @Test("what a clock that was ahead has put off comes in time", arguments: Kind.allCases)
  func hurry(kind: Kind) throws {
    try StoredLine.use(kind, caches: ["a", "b"]) { line in
      try line.add((1...4).map { Sample.record($0) })
      for number in 1...4 { try line.revoke(number) }
      let orders = try line.new().sorted { $0.serial < $1.serial }
      for cache in ["a", "b"] {
        try line.settle(
          [(0, 50), (1, 100), (2, 90_000)].map { PurgeOutcome(orders[$0.0], .putOff(until: after($0.1))) }, cache)
      }
      try line.hurry(to: after(90_000))
      #expect(try line.due(at: after(89_999)) == [orders[0], orders[1]])
      try line.hurry(to: after(60))
      #expect(try line.due(at: after(49)) == [] && line.due(at: after(59)) == [orders[0]])
      #expect(try Set(line.due(at: after(60))) == Set(orders[0...2]))
      #expect(try line.new() == [orders[3]], "what is new stays so")
      try line.hurry(to: .init(seconds: 0))
      #expect(try line.due(at: Sample.start).count == 3 && line.new() == [orders[3]])
      #expect(try line.session.duePurges(for: "b", at: after(89_999), limit: 10) == [orders[0], orders[1]])
      try line.hurry(to: after(0), "none")
    }
  }

  @Test("what was undone is not in line", arguments: Kind.allCases)
  func undone(kind: Kind) throws {
    struct Broken: Error {}
    try StoredLine.use(kind) { line in
      try line.add([Sample.record(1)])
      var batches = [[Sample.record(1, revocation: Sample.revocation())]][...]
      #expect(throws: Broken.self) {
        try line.session.importRecords(issuer: line.issuer, assertsStatus: true, source: "broken", at: Sample.start) {
          guard let batch = batches.popFirst() else { throw Broken() }
          return batch
        }
      }
      try line.add([Sample.record(2, revocation: Sample.revocation(.certificateHold))])
      // The second one was never issued: nothing of the message is taken.
      try line.take(.released([2, 9].map { Sample.serial($0) }, at: after(1)))
      #expect(try line.new() == [])
    }
  }
}
