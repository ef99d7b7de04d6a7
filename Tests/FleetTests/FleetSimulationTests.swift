import Fleet
import OCSP
import Responder
import ResponderRuntime
import Simulation
import TestSupport
import Testing

/// Invariants 1 and 3 in a fleet whose parts are all real but for the servers between them.
@Suite("A fleet in simulated time")
struct FleetSimulationTests {
  /// What was done so far, and who said what.
  private struct History {
    var issued = 0
    var revoked: Set<Int> = []
    /// By edge: of which it has said that they are revoked.
    var known: [Set<Int>] = [[], []]
    var questions: [(number: Int, edge: Int?, waiter: Waiter, wasRevoked: Bool, wasKnown: Bool)] = []
    var hasRival = false
  }

  @Test("whatever happens in whatever order, nobody says good again, and all heals", arguments: 0..<20)
  func interleavings(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &* 7919 &+ 5)
    for _ in 0..<20 { try run(&random) }
  }

  private func run(_ random: inout SeededGenerator) throws {
    let fleet = try SimulatedFleet(edges: 2, seed: random.next(), wantsOnly: Int.random(in: 0..<4, using: &random) == 0)
    var history = History()
    for _ in 0..<3 { try issue(fleet, &history) }
    if Bool.random(using: &random) { try fleet.settle() }
    for _ in 0..<200 {
      try happen(fleet, &history, &random)
      try check(fleet, &history)
    }
    try heal(fleet, &history)
  }

  private func issue(_ fleet: SimulatedFleet, _ history: inout History) throws {
    try fleet.issue(history.issued)
    history.issued += 1
  }

  private func happen(_ fleet: SimulatedFleet, _ history: inout History, _ random: inout SeededGenerator) throws {
    let number = Int.random(in: 0..<max(1, history.issued), using: &random)
    let edge = Int.random(in: 0..<2, using: &random)
    switch Int.random(in: 0..<60, using: &random) {
    case 0 where history.issued < 8: try issue(fleet, &history)
    case 1..<3 where !history.revoked.contains(number):
      try fleet.revoke(number)
      history.revoked.insert(number)
    case 3..<10: ask(fleet, &history, number, edge)
    case 10..<12: ask(fleet, &history, 100 + number, edge)
    case 12..<14: ask(fleet, &history, number, nil)
    case 14..<18: fleet.clock.advance(nanoseconds: Int64.random(in: 0..<800_000_000, using: &random))
    // The origin is paused for longer than its lease, or a renewal becomes due.
    case 18: fleet.clock.advance(nanoseconds: 12_000_000_000)
    case 19: fleet.clock.advance(nanoseconds: Int64.random(in: 0..<40, using: &random) * 3_600_000_000_000)
    case 20: fleet.flush()
    case 21: fleet.disturb { fleet.shared.setValue(nil, fleet.issuer.sharedKey(fleet.key(number))) }
    case 22: fleet.shared.setValue(Array("AVO1 rubbish".utf8), fleet.issuer.sharedKey(fleet.key(number)))
    case 23: fleet.shared.fail(with: SharedCacheError("node a: no connection"))
    case 24..<27: fleet.shared.fail(with: nil)
    case 27: fleet.shared.loseNext(edge)
    case 28: fleet.edges[edge].cache.dropAll()
    case 29: fleet.edges[edge].cache.doubt(true)
    case 30: fleet.edges[edge].cache.doubt(false)
    case 31 where fleet.isLeading && !history.hasRival && Int.random(in: 0..<4, using: &random) == 0:
      fleet.letRivalIn()
      history.hasRival = true
    case 32 where history.hasRival:
      fleet.sendRivalAway()
      history.hasRival = false
    case 33: for edge in fleet.edges { edge.sweepOverdue() }
    default: for _ in 0..<4 { try fleet.turn(&random) }
    }
  }

  private func ask(_ fleet: SimulatedFleet, _ history: inout History, _ number: Int, _ edge: Int?) {
    let waiter = edge.map { fleet.ask(number, edge: $0) } ?? fleet.askOrigin(number)
    history.questions.append(
      (
        number, edge, waiter, history.revoked.contains(number),
        edge.map { history.known[$0].contains(number) } ?? history.revoked.contains(number)
      ))
  }

  private func check(_ fleet: SimulatedFleet, _ history: inout History) throws {
    var open: [(number: Int, edge: Int?, waiter: Waiter, wasRevoked: Bool, wasKnown: Bool)] = []
    for question in history.questions {
      let directory = question.edge.map { fleet.edges[$0].directory } ?? fleet.runtime.directory
      guard let words = try fleet.words(question.waiter, directory) else {
        open.append(question)
        continue
      }
      // The origin knows from the moment of the acknowledgement; an edge from when it has heard of it.
      #expect(!(words == "good" && question.wasKnown), "\(question.number) at \(String(describing: question.edge))")
      #expect(!(words == "good" && question.number >= 100), "never issued")
      #expect(!(words == "revoked" && !history.revoked.contains(question.number)), "never revoked")
      if words == "revoked", let edge = question.edge { history.known[edge].insert(question.number) }
    }
    history.questions = open
    for number in history.revoked {
      if let held = fleet.runtime.cache.answer(fleet.key(number), now: fleet.clock.now()) {
        let waiter = Waiter()
        waiter.receive(.answer(held))
        #expect(try fleet.words(waiter, fleet.runtime.directory) != "good", "the origin's memory")
      }
    }
  }

  private func heal(_ fleet: SimulatedFleet, _ history: inout History) throws {
    fleet.shared.fail(with: nil)
    if history.hasRival { fleet.sendRivalAway() }
    for edge in fleet.edges { edge.cache.doubt(false) }
    try fleet.settle()
    for edge in 0..<2 {
      for number in Array(0..<history.issued) + [100] {
        let waiter = fleet.ask(number, edge: edge)
        try fleet.settle()
        fleet.edges[edge].sweepOverdue()
        let expected = number >= 100 ? "unauthorized" : history.revoked.contains(number) ? "revoked" : "good"
        let words = try fleet.words(waiter, fleet.edges[edge].directory)
        #expect(words == expected, "\(number) at edge \(edge)")
      }
    }
    try check(fleet, &history)
  }
}
