import CalendarTime
import EventLoop
import Metrics
import OCSP
import Synchronization
import TestSupport
import Testing

@testable import Responder
@testable import ResponderRuntime

/// What issuers that share a process, a store or a token do to each other: nothing.
@Suite("Issuers beside each other", .serialized)
struct NeighbourTests {
  private let revoked = CertificateStatus.revoked(Sample.revocation())

  @Test("invariant 1: a revocation of an issuer that a reload has dropped takes effect before it is brought back")
  func dropped() throws {
    let signer = Neighbours.signer("software")
    let (one, two) = (Sample.settings("one", keys: [signer]), Sample.settings("two", keys: [signer]))
    let world = try Neighbours([one, two], counts: [5, 5])
    try world.start()
    defer { world.runtime.stop() }
    let storeID = world.issuer(0).storeID
    world.runtime.adopt(try world.directory([two]))
    try world.importMore(77...77, issuer: storeID)
    let revision = try world.revoke(1, issuer: storeID)
    #expect(world.runtime.waitUntilApplied(revision, milliseconds: 20_000))
    world.runtime.adopt(try world.directory([one, two]))
    #expect(try world.status(0, 1) != .good)
    #expect(world.runtime.mayBeIssued(world.key(0, 77), by: world.issuer(0)))
    #expect(try comesTrue { try world.status(0, 1) == revoked && world.status(0, 77) == .good })
  }

  @Test(
    "a key that is at fault alone takes the token from nobody else", arguments: [SigningError.Scope.token, .signature])
  func oneBadKey(scope: SigningError.Scope) throws {
    let (bad, good) = (Neighbours.signer("token"), Neighbours.signer("token"))
    let world = try Neighbours(
      [Sample.settings("bad", keys: [bad]), Sample.settings("good", keys: [good])], counts: [20, 20])
    try world.start()
    defer { world.runtime.stop() }
    Neighbours.fail(bad, scope)
    for number in 1...6 { _ = world.send(0, number, .sha384).wait() }
    #expect(comesTrue { world.isAnswered(1, 1) && world.runtime.placeReports[0].isSigning })
    for number in 2...20 { #expect(world.isAnswered(1, number)) }
    #expect(world.runtime.signingTroubles.contains { $0.contains("'bad'") && $0.contains("fails") })
    // Its revocation waits for it, and goes out once it signs again.
    let revision = try world.revoke(3, issuer: world.issuer(0).storeID)
    #expect(world.runtime.waitUntilApplied(revision, milliseconds: 20_000))
    bad.beforeSigning(nil)
    #expect(try comesTrue { try world.status(0, 3) == revoked })
    #expect(world.isAnswered(0, 4))
  }

  @Test("a question of an issuer that a reload has just brought may come in the middle of a bulk")
  func newIssuerInBulk() throws {
    let signer = Neighbours.signer("software", threads: 1)
    let one = Sample.settings("one", keys: [signer])
    let world = try Neighbours([one], counts: [100])
    try world.start()
    defer { world.runtime.stop() }
    try world.importMore(1...1, issuer: try world.session.issuer(name: "two", identity: Array("two".utf8)))
    try world.waitUntilKept(100)
    let (isInBulk, goOn) = (GrowingValue(), GrowingValue())
    signer.beforeSigning {
      isInBulk.raise(to: 1)
      _ = goOn.wait(for: 1, milliseconds: 20_000)
    }
    world.clock.advance(seconds: 40 * 3600)
    #expect(isInBulk.wait(for: 1, milliseconds: 20_000))
    world.runtime.adopt(try world.directory([one, Sample.settings("two", keys: [signer])]))
    let receiver = world.send(1, 1)
    goOn.raise(to: 1)
    if case .answer? = receiver.wait() {} else { Issue.record("no answer") }
  }

  @Test("a flood of questions does not keep answers from being renewed")
  func flood() throws {
    let signer = Neighbours.signer("token")
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [300], queueLimit: 200)
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(300)
    world.clock.advance(seconds: 40 * 3600)
    // Each signature brings another question that has to be signed for.
    let (runtime, key) = (world.runtime, world.key(0, 1, .sha384))
    let certID = try #require(world.issuer(0).encodedCertID(key.serial, .sha384))
    let live = LiveQuestion(
      issuer: key.issuer, entries: [LiveQuestion.Entry(encodedCertID: certID, key: key)], nonce: [1])
    signer.beforeSigning { for _ in 0..<2 { runtime.ask(.live(live), receiver: Receiver()) } }
    runtime.ask(.live(live), receiver: Receiver())
    #expect(comesTrue { world.fresh(300) == 300 })
    #expect(runtime.signingBacklog.misses > 0, "the flood was still there")
    signer.beforeSigning(nil)
  }

  @Test("the first signing of one issuer leaves room for another's renewals in the same token")
  func firstSigningBesideRenewals() throws {
    let signer = Neighbours.signer("token")
    let world = try Neighbours(
      [Sample.settings("one", keys: [signer]), Sample.settings("two", keys: [signer])], counts: [0, 3000])
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(3000, issuer: 1)
    let gate = GrowingValue()
    signer.beforeSigning { _ = gate.wait(for: 1, milliseconds: 20_000) }
    try world.importMore(1...20_000, issuer: world.issuer(0).storeID)
    world.issuer(0).progress.answersAreMissing()
    #expect(comesTrue { world.runtime.signingBacklog.renewals >= 100 })
    world.clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { world.runtime.signingBacklog.renewals > 150 })
    gate.raise(to: 1)
    #expect(comesTrue { world.fresh(3000, issuer: 1) == 3000 })
  }

  @Test("questions for a slow token leave room for another token's")
  func missLane() throws {
    let (slow, fast) = (Neighbours.signer("slow", threads: 1), Neighbours.signer("fast"))
    let world = try Neighbours(
      [Sample.settings("slow", keys: [slow]), Sample.settings("fast", keys: [fast])], counts: [400, 10], queueLimit: 100
    )
    try world.start()
    defer { world.runtime.stop() }
    let gate = GrowingValue()
    slow.beforeSigning { _ = gate.wait(for: 1, milliseconds: 20_000) }
    for number in 1...200 {
      _ = world.send(0, number)
      _ = world.send(0, number, isLive: true)
    }
    for number in 1...10 { #expect(world.isAnswered(1, number)) }
    gate.raise(to: 1)
  }

  @Test("an issuer whose rows are damaged keeps no other from being loaded, ready and renewed")
  func damagedRows() throws {
    let signer = Neighbours.signer("software")
    let world = try Neighbours(
      [Sample.settings("one", keys: [signer]), Sample.settings("two", keys: [signer])], counts: [5, 5])
    world.store.damage(world.issuer(0).storeID)
    try world.start()
    defer { world.runtime.stop() }
    #expect(try (1...5).allSatisfy { try world.status(1, $0) == .good })
    try world.waitUntilKept(5, issuer: 1)
    world.clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { world.fresh(5, issuer: 1) == 5 })
    #expect(world.log.has("issuer 'one': the store could not be read"))
  }

  @Test("places that a reload brings are there for whoever looks, at once")
  func newPlaces() throws {
    let signer = Neighbours.signer("software", threads: 1)
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [5])
    try world.start()
    defer { world.runtime.stop() }
    let isOver = Atomic<Bool>(false)
    let runtime = world.runtime
    let looking = NamedThread(name: "look") { while !isOver.load(ordering: .relaxed) { _ = runtime.placeReports } }
    for number in 1...40 {
      let other = Neighbours.signer("token \(number)", threads: 1)
      runtime.adopt(try world.directory([Sample.settings("one", keys: [signer, other])]))
    }
    isOver.store(true, ordering: .relaxed)
    looking.join()
    #expect(runtime.placeReports.map(\.name) == ["software", "token 40"], "those that are in use")
  }

  @Test("algorithms that a reload adds are signed ahead for what is there already")
  func moreAlgorithms() throws {
    let signer = Neighbours.signer("software")
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [5])
    try world.start()
    defer { world.runtime.stop() }
    var policy = IssuerPolicy()
    policy.presignedAlgorithms = [.sha1, .sha256]
    world.runtime.adopt(try world.directory([Sample.settings("one", keys: [signer], policy: policy)]))
    #expect(try comesTrue { try (1...5).allSatisfy { try world.status(0, $0, .sha256) == .good } })
  }
}
