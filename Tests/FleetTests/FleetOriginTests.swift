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

  /// What an edge that has heard no news says, once the shared level has done all it was asked to do.
  private func wordsWithoutNews(_ fleet: SimulatedFleet, _ number: Int, _ algorithm: HashAlgorithm = .sha1) throws
    -> String?
  {
    for _ in 0..<50 {
      _ = fleet.origin.turn()
      while fleet.shared.turn() {}
    }
    let waiter = fleet.ask(number, algorithm, edge: 0)
    while fleet.shared.turn() {}
    fleet.clock.advance(nanoseconds: 600_000_000)
    fleet.edges[0].sweepOverdue()
    return try fleet.words(waiter, fleet.edges[0].directory)
  }

  @Test("it vouches for nothing while what is missing is being sought")
  func seeking() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 6)
    try fleet.issue(0..<2000)
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    fleet.signer.beforeSigning { () throws(SigningError) in throw SigningError("a test") }
    try fleet.issue(2000)
    for _ in 0..<50 where !fleet.issuer.progress.areAnswersMissing {
      for part in [SteppedRuntime.Part.follower, .changeSigner] { _ = try fleet.stepped.turn(of: part) }
      _ = try fleet.stepped.turn(ofPlace: 0)
      fleet.clock.advance(nanoseconds: 100_000_000)
    }
    // The first of the pages, on which nothing is missing.
    #expect(try fleet.stepped.turn(of: .loader) && !fleet.issuer.progress.areAnswersMissing)
    #expect(fleet.issuer.progress.presigning == 0)
    #expect(try wordsWithoutNews(fleet, 2000) == "tryLater")
    #expect(fleet.origin.completeIssuers == 0)
    fleet.signer.beforeSigning(nil)
    fleet.clock.advance(nanoseconds: 120_000_000_000)
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    #expect(try words(fleet, 2000) == "good")
  }

  @Test("it vouches for nothing while more is issued than can be signed at once")
  func largeImport() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 7)
    try fleet.issue(0)
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    try fleet.issue(1..<3000)
    #expect(try fleet.stepped.turn(of: .follower))
    #expect(try fleet.stepped.turn(of: .changeSigner))
    fleet.clock.advance(nanoseconds: 100_000_000)
    #expect(try wordsWithoutNews(fleet, 2999) == "tryLater")
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    #expect(try words(fleet, 2999) == "good" && words(fleet, 5000) == "unauthorized")
  }

  @Test("it vouches for nothing while new answers wait to be sent")
  func slowSharedLevel() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 9)
    try fleet.issue(0)
    try fleet.settle()
    for _ in 0..<5 {
      _ = fleet.origin.turn()
      while fleet.shared.turn() {}
    }
    #expect(fleet.origin.completeIssuers == 1)
    try fleet.issue(1..<40)
    for part in [SteppedRuntime.Part.follower, .changeSigner, .changeSigner] { _ = try fleet.stepped.turn(of: part) }
    while case .worked = try fleet.stepped.turn(ofPlace: 0) {}
    _ = fleet.origin.turn()
    #expect(fleet.publisher.backlog.answers == 39 && fleet.origin.completeIssuers == 1)
    fleet.clock.advance(nanoseconds: 1_500_000_000)
    _ = fleet.origin.turn()
    #expect(fleet.origin.completeIssuers == 0)
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    #expect(try words(fleet, 39) == "good")
  }

  @Test("where more hashes are signed ahead from now on nothing is vouched for until all of them are there")
  func moreHashes() throws {
    let fleet = try SimulatedFleet(edges: 1, seed: 8)
    try fleet.issue(0)
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    try fleet.presign([.sha1, .sha256])
    #expect(try wordsWithoutNews(fleet, 0, .sha256) == "tryLater")
    try fleet.settle()
    #expect(fleet.origin.completeIssuers == 1)
    #expect(try words(fleet, 0, .sha256) == "good" && words(fleet, 9, .sha256) == "unauthorized")
  }
}
