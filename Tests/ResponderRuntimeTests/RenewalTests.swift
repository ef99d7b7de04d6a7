import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder
import TestSupport
import Testing

@testable import ResponderRuntime

@Suite("Renewal and rollover", .serialized)
struct RenewalTests {
  @Test("an issuer whose signer has ended keeps nobody else's answers from being renewed")
  func endedSigner() throws {
    let store = MemoryStore()
    let session = try store.openSession()
    let clock = ManualClock(Sample.start)
    let ended = Sample.credential(7, notAfter: Sample.start.advanced(bySeconds: 3600))
    let signer = FakeSigner()
    let directory = try IssuerDirectory.make(
      [Sample.settings("ended", keys: [signer], credential: ended), Sample.settings("lasting", keys: [signer])],
      session: session, now: Sample.start)
    for issuer in directory.issuers.issuers {
      var batches = [(1...30).map { Sample.record($0) }][...]
      _ = try session.importRecords(
        issuer: issuer.storeID, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
    }
    let runtime = ResponderRuntime(
      directory: directory, store: store, cacheBytes: 4 << 20, seed: 5, limits: .init(), clock: clock,
      hasher: FakeHasher(), log: RecordingLog())
    try runtime.start()
    defer { runtime.stop() }
    #expect(runtime.waitUntilStarted(milliseconds: 20_000))
    let lasting = directory.issuers.issuers[1]
    #expect(try comesTrue { try session.firstEnd(issuer: lasting.storeID, after: clock.now()) != nil })
    clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { runtime.counters.refreshes.current >= 30 })
    for number in 1...30 {
      let key = ResponseKey(issuer: lasting.index, hashAlgorithm: .sha1, serial: Sample.serial(number))
      #expect(runtime.cache.peek(key)?.times.producedAt == clock.now())
    }
  }

  @Test("another signer signs new answers at once and replaces the old ones, which are served until then")
  func rollover() throws {
    let world = try World(records: (1...40).map { Sample.record($0) })
    try world.start()
    defer { world.runtime.stop() }
    let (old, fresh) = (world.runtime.issuers.issuers[0].credentialIndex, Sample.credential(99))
    let gate = GrowingValue()
    let signer = FakeSigner(place: SigningPlace(name: "next", threads: 2))
    signer.beforeSigning { _ = gate.wait(for: 1, milliseconds: 20_000) }
    let next = try IssuerDirectory.make(
      [Sample.settings(keys: [signer], credential: fresh)], session: try world.store.openSession(),
      now: world.clock.now(), after: world.runtime.directory)
    world.runtime.adopt(next)
    let new = next.issuers.issuers[0].credentialIndex
    #expect(new != old && next.issuers.issuers[0].index == IssuerIndex(0))
    // The new signer does not answer yet: the old answers are there, each with its own certificate.
    for number in 1...40 { #expect(try world.cachedStatus(number) == .good) }
    gate.raise(to: 1)
    func credential(_ number: Int) -> CredentialIndex? {
      var octets = [UInt8](repeating: 0, count: 8192)
      var span = octets.mutableSpan
      return world.runtime.cache.copy(world.key(number), now: world.clock.now(), into: &span)?.credential
    }
    #expect(comesTrue { (1...40).allSatisfy { credential($0) == new } })
    guard case .answer(let answer)? = world.ask(1, .sha256) else {
      Issue.record("no answer")
      return
    }
    #expect(answer.credential == new)
    #expect(try world.status(answer) == .good)
  }

  @Test("a restart serves what an earlier signer has signed, and replaces it")
  func restartAfterRollover() throws {
    let world = try World(records: (1...10).map { Sample.record($0) })
    try world.start()
    let storeID = world.storeID
    #expect(
      try comesTrue {
        try world.store.openSession().renewals(issuer: storeID, until: UnixTime.endOfTime) == 10
      })
    world.runtime.stop()
    let signer = FakeSigner()
    let again = ResponderRuntime(
      directory: try world.newDirectory(keys: [signer], credential: Sample.credential(98)), store: world.store,
      cacheBytes: 4 << 20, seed: 2, limits: .init(), clock: world.clock, hasher: FakeHasher(), log: RecordingLog())
    try again.start()
    defer { again.stop() }
    #expect(again.waitUntilStarted(milliseconds: 20_000))
    #expect(again.counters.loaded.current == 10 && again.counters.presigned.current == 0)
    #expect(comesTrue { signer.count == 10 })
  }

  @Test("answers under a certificate that was renewed for the same key are there after a restart")
  func restartAfterRenewal() throws {
    let records = (1...10).map { CertificateRecord(serial: Sample.serial($0), notAfter: .endOfTime, revocation: nil) }
    let world = try World(records: records)
    let held = world.runtime.issuers.issuers[0].credential
    // Two days before its end a CA that signs itself has its certificate renewed.
    world.clock.set(held.notAfter.advanced(bySeconds: -2 * 86_400))
    var renewed = held
    (renewed.notBefore, renewed.notAfter) = (world.clock.now(), held.notAfter.advanced(bySeconds: 86_400 * 365))
    for (loaded, presigned) in [(0, 10), (10, 0)] as [(UInt64, UInt64)] {
      let runtime = ResponderRuntime(
        directory: try world.newDirectory(credential: renewed), store: world.store, cacheBytes: 4 << 20, seed: 2,
        limits: .init(), clock: world.clock, hasher: FakeHasher(), log: RecordingLog())
      try runtime.start()
      #expect(runtime.waitUntilStarted(milliseconds: 20_000))
      #expect(runtime.counters.loaded.current == loaded && runtime.counters.presigned.current == presigned)
      for number in 1...10 {
        #expect(try #require(runtime.cache.peek(world.key(number))).times.nextUpdate > held.notAfter)
      }
      // Which keeps what was signed.
      runtime.stop()
      world.clock.advance(seconds: 60)
    }
  }

  @Test("a stricter validity is not outlived by stored answers")
  func stricterPolicy() throws {
    let world = try World(records: (1...5).map { Sample.record($0) })
    try world.start()
    let storeID = world.storeID
    #expect(
      try comesTrue { try world.store.openSession().renewals(issuer: storeID, until: UnixTime.endOfTime) == 5 })
    world.runtime.stop()
    var strict = IssuerPolicy()
    (strict.validitySeconds, strict.refreshAgeSeconds) = (86_400, 40_000)
    let directory = try IssuerDirectory.make(
      [Sample.settings(keys: [world.signer], policy: strict)], session: try world.store.openSession(), now: Sample.start
    )
    let again = ResponderRuntime(
      directory: directory, store: world.store, cacheBytes: 4 << 20, seed: 2, limits: .init(), clock: world.clock,
      hasher: FakeHasher(), log: RecordingLog())
    try again.start()
    defer { again.stop() }
    #expect(again.waitUntilStarted(milliseconds: 20_000))
    #expect(again.counters.loaded.current == 0 && again.counters.presigned.current == 5)
  }

  @Test("an issuer that a reload brings is loaded, and one that it drops is not answered for")
  func addingAndDropping() throws {
    let world = try World(records: [Sample.record(1)])
    try world.start()
    defer { world.runtime.stop() }
    let session = try world.store.openSession()
    let other = try session.issuer(name: "other", identity: Array("other".utf8))
    var batches = [[Sample.record(8)]][...]
    _ = try session.importRecords(
      issuer: other, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
    let next = try IssuerDirectory.make(
      [Sample.settings("other", keys: [world.signer])], session: session, now: Sample.start,
      after: world.runtime.directory)
    world.runtime.adopt(next)
    #expect(next.issuers.issuers.map(\.name) == ["one", "other"] && next.issuers.issuers[0].isRetired)
    let key = ResponseKey(issuer: IssuerIndex(1), hashAlgorithm: .sha1, serial: Sample.serial(8))
    #expect(comesTrue { world.runtime.cache.peek(key) != nil })
    #expect(next.issuers.issuers[0].encodedCertID(Sample.serial(1), .sha1) == nil)
  }
}
