import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder
import TestSupport
import Testing

@testable import ResponderRuntime

/// How answers come into memory, whatever the tokens do meanwhile.
@Suite("Loading", .serialized)
struct LoadingTests {
  private static func broken(_ signer: FakeSigner, _ scope: SigningError.Scope = .token) {
    signer.beforeSigning { () throws(SigningError) in throw SigningError("it is broken", scope: scope) }
  }

  private func importRecords(_ count: Int, _ issuer: Issuer, _ session: any StatusStoreSession) throws {
    var batches = [(1...count).map { Sample.record($0) }][...]
    _ = try session.importRecords(
      issuer: issuer.storeID, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
  }

  @Test("a restart while the token is down serves what is stored until it ends, though its renewal is due")
  func restartInOutage() throws {
    let world = try World(records: (1...10).map { Sample.record($0) })
    try world.start()
    let session = try world.store.openSession()
    let storeID = world.storeID
    #expect(try comesTrue { try session.renewals(issuer: storeID, until: UnixTime.endOfTime) == 10 })
    world.runtime.stop()
    world.clock.advance(seconds: 40 * 3600)
    let signer = FakeSigner()
    LoadingTests.broken(signer)
    let again = ResponderRuntime(
      directory: try world.newDirectory(keys: [signer]), store: world.store, cacheBytes: 4 << 20, seed: 2,
      limits: .init(), clock: world.clock, hasher: FakeHasher(), log: RecordingLog())
    try again.start()
    defer { again.stop() }
    #expect(again.waitUntilStarted(milliseconds: 20_000))
    for number in 1...10 {
      #expect(again.cache.peek(world.key(number))?.times.isValid(at: world.clock.now()) == true)
    }
    signer.beforeSigning(nil)
    #expect(comesTrue { again.counters.refreshes.current >= 10 })
    for number in 1...10 { #expect(again.cache.peek(world.key(number))?.times.producedAt == world.clock.now()) }
  }

  @Test("a token that is down keeps no other issuer from being loaded, ready, renewed and signed after a change")
  func oneTokenDown() throws {
    let store = MemoryStore()
    let session = try store.openSession()
    let clock = ManualClock(Sample.start)
    let (broken, healthy) = (
      FakeSigner(place: SigningPlace(name: "broken", threads: 2)),
      FakeSigner(place: SigningPlace(name: "healthy", threads: 2))
    )
    LoadingTests.broken(broken)
    let directory = try IssuerDirectory.make(
      [Sample.settings("down", keys: [broken]), Sample.settings("up", keys: [healthy])], session: session,
      now: Sample.start)
    let (down, up) = (directory.issuers.issuers[0], directory.issuers.issuers[1])
    // More than the schedule takes of one token's renewals.
    try importRecords(20_000, down, session)
    try importRecords(50, up, session)
    let runtime = ResponderRuntime(
      directory: directory, store: store, cacheBytes: 32 << 20, seed: 5, limits: .init(), clock: clock,
      hasher: FakeHasher(), log: RecordingLog())
    try runtime.start()
    defer { runtime.stop() }
    #expect(runtime.waitUntilStarted(milliseconds: 20_000), "ready without the issuer that nothing signs for")
    func key(_ issuer: Issuer, _ number: Int) -> ResponseKey {
      ResponseKey(issuer: issuer.index, hashAlgorithm: .sha1, serial: Sample.serial(number))
    }
    #expect((1...50).allSatisfy { runtime.cache.peek(key(up, $0)) != nil })
    #expect(try comesTrue { try session.renewals(issuer: up.storeID, until: UnixTime.endOfTime) == 50 })
    clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { (1...50).allSatisfy { runtime.cache.peek(key(up, $0))?.times.producedAt == clock.now() } })
    // A change of both: the healthy one's is signed at once, the other's once its token is back.
    for issuer in [down, up] {
      _ = try session.revoke(
        issuer: issuer.storeID, serial: Sample.serial(7), revocation: Sample.revocation(), isReasonGiven: true,
        isTimeGiven: true, at: clock.now())
    }
    let revision = try session.latestRevision()
    #expect(runtime.waitUntilApplied(revision, milliseconds: 20_000))
    #expect(comesTrue { runtime.cache.peek(key(up, 7))?.revision == revision })
    broken.beforeSigning(nil)
    #expect(comesTrue { runtime.cache.peek(key(down, 7)) != nil && runtime.cache.peek(key(down, 20_000)) != nil })
  }

  @Test("answers that could not be signed on the way are made up for")
  func gaps() throws {
    let world = try World(records: (1...200).map { Sample.record($0) })
    let failures = GrowingValue()
    world.signer.beforeSigning { () throws(SigningError) in
      // Every third, until it has happened often enough: never so many in a row that the place counts as down.
      let count = failures.current + 1
      failures.raise(to: count)
      if count < 150, count.isMultiple(of: 3) { throw SigningError("a fault", scope: .signature) }
    }
    try world.start()
    defer { world.runtime.stop() }
    #expect(try comesTrue { try (1...200).allSatisfy { try world.cachedStatus($0) == .good } })
    #expect(world.runtime.counters.signingFailures.current > 0)
  }

  @Test("a change of more certificates than a page is signed ahead to its end")
  func largeChange() throws {
    let world = try World(records: [Sample.record(1)])
    try world.start()
    defer { world.runtime.stop() }
    var batches = [(1...5000).map { Sample.record($0, revocation: Sample.revocation()) }][...]
    _ = try world.store.openSession().importRecords(
      issuer: world.storeID, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
    #expect(comesTrue { (1...5000).allSatisfy { world.runtime.cache.peek(world.key($0)) != nil } })
  }

  @Test("what a token was too long away for is signed soon after it is back, however long that was")
  func passAfterOutage() throws {
    let signer = FakeSigner()
    LoadingTests.broken(signer)
    let world = try World(records: (1...5).map { Sample.record($0) }, keys: [signer])
    try world.runtime.start()
    defer { world.runtime.stop() }
    // Longer than anybody wants to wait for the next pass.
    let pause = GrowingValue()
    _ = pause.wait(for: 1, milliseconds: 2500)
    signer.beforeSigning(nil)
    #expect(try comesTrue { try (1...5).allSatisfy { try world.cachedStatus($0) == .good } })
  }
}
