import CalendarTime
import Fleet
import Metrics
import OCSP
import Responder
import ResponderRuntime
import Simulation
import TestSupport
import Testing

@Suite("An origin in its fleet")
struct FleetOriginTests {
  private func words(_ fleet: SimulatedFleet, _ number: Int, _ algorithm: HashAlgorithm = .sha1) throws -> String? {
    let waiter = fleet.ask(number, algorithm, edge: 0)
    try fleet.settle()
    return try fleet.words(waiter, fleet.edges[0].directory)
  }

  @Test("it puts everything into the shared level, and then vouches for it")
  func promise() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 1)
    for number in 0..<3 { try fleet.issue(number) }
    #expect(fleet.origin.completeIssuers == 0)
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    #expect(try words(fleet, 2) == "good" && words(fleet, 9) == "unauthorized")
    #expect(fleet.edges[0].counters.wanted.current == 0, "nobody was asked for what was never issued")
    // Another hash is signed when somebody wants it.
    #expect(try words(fleet, 2, .sha256) == "good" && words(fleet, 9, .sha256) == "unauthorized")
    #expect(fleet.edges[0].counters.wanted.current == 2)
  }

  @Test("it vouches for nothing while an answer is missing, and no longer than until the first one ends")
  func noPromise() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 2)
    try fleet.issue(0)
    try fleet.settle()
    fleet.signer.beforeSigning { () throws(SigningError) in throw SigningError("a test") }
    try fleet.issue(1)
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 0)
    #expect(try words(fleet, 1) == "tryLater" && words(fleet, 0) == "good")
    fleet.signer.beforeSigning(nil)
    fleet.clock.advance(nanoseconds: 120_000_000_000)
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    #expect(try words(fleet, 1) == "good")
  }

  @Test("where another node is the origin it signs and answers nothing, says who that is, and comes back")
  func rival() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 3)
    try fleet.issue(0)
    try fleet.settle()
    fleet.letRivalIn()
    fleet.clock.advance(nanoseconds: 20_000_000_000)
    fleet.keepRival()
    try fleet.settle { fleet.keepRival() }
    #expect(fleet.runtime.suspensionReason?.contains("rival is the origin since") == true)
    for number in [0, 9] {
      let waiter = fleet.askOrigin(number)
      #expect(try fleet.words(waiter, fleet.runtime.directory) == "tryLater")
    }
    let signatures = fleet.signer.count
    // What it is told meanwhile is durable, and comes into force with it.
    try fleet.revoke(0)
    try fleet.settle { fleet.keepRival() }
    #expect(fleet.signer.count == signatures)
    fleet.sendRivalAway()
    try fleet.settle()
    #expect(fleet.runtime.suspensionReason == nil)
    let waiter = fleet.askOrigin(0)
    #expect(try fleet.words(waiter, fleet.runtime.directory) == "revoked")
    #expect(try words(fleet, 0) == "revoked")
  }

  @Test("what is damaged is written anew as soon as somebody asks for it")
  func repair() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 4)
    try fleet.issue(0)
    try fleet.settle()
    let key = fleet.issuer.sharedKey(fleet.key(0))
    var octets = try #require(fleet.shared.value(key))
    // The token: by its order alone nothing could take its place any more.
    octets[4] = 0xFF
    fleet.shared.setValue(octets, key)
    #expect(fleet.edges[0].cache.peek(fleet.key(0)) == nil)
    #expect(try words(fleet, 0) == "good")
    #expect(fleet.edges[0].counters.damaged.current > 0 && fleet.shared.value(key) != octets)
  }

  @Test("an origin that pushes on demand pushes what was asked for, and every change over what is there")
  func demand() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 5, wantsOnly: true)
    for number in 0..<3 { try fleet.issue(number) }
    try fleet.settle()
    #expect(fleet.shared.value(fleet.issuer.sharedKey(fleet.key(0))) == nil)
    #expect(try words(fleet, 0) == "good" && words(fleet, 9) == "unauthorized")
    #expect(fleet.shared.value(fleet.issuer.sharedKey(fleet.key(0))) != nil)
    #expect(fleet.shared.value(fleet.issuer.sharedKey(fleet.key(1))) == nil)
    fleet.clock.advance(nanoseconds: 60_000_000_000)
    for number in 0..<2 { try fleet.revoke(number) }
    try fleet.settle()
    #expect(fleet.shared.value(fleet.issuer.sharedKey(fleet.key(1))) == nil, "nobody has it")
    fleet.edges[0].cache.dropAll()
    #expect(try words(fleet, 0) == "revoked" && words(fleet, 1) == "revoked")
  }
}
