import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder
import TestSupport
import Testing

@testable import ResponderRuntime

/// A restart with many answers in the store: read by several threads, unseen, and looked at later.
@Suite("Restarting", .serialized)
struct RestartTests {
  private static let count = 3000

  /// A store in which every answer is signed and kept; the certificates of every seventh are revoked.
  private func world() throws -> World {
    let world = try World(
      records: (1...RestartTests.count).map { Sample.record($0, revocation: $0 % 7 == 0 ? Sample.revocation() : nil) })
    try world.start()
    let session = try world.store.openSession()
    let storeID = world.storeID
    #expect(try comesTrue { try session.renewals(issuer: storeID, until: UnixTime.endOfTime) == RestartTests.count })
    world.runtime.stop()
    return world
  }

  private func restart(_ world: World, _ signer: FakeSigner) throws -> ResponderRuntime {
    var limits = ResponderRuntime.Limits()
    limits.loadingThreads = 3
    return ResponderRuntime(
      directory: try world.newDirectory(keys: [signer]), store: world.store, cacheBytes: 4 << 20, seed: 2,
      limits: limits, clock: world.clock, hasher: FakeHasher(), log: RecordingLog())
  }

  @Test("nothing is signed again, and every answer is what it was", arguments: [false, true])
  func nothingSigned(isAskedAtOnce: Bool) throws {
    let world = try world()
    let before = Dictionary(
      uniqueKeysWithValues: (1...RestartTests.count).map { number in
        (number, world.runtime.cache.answer(world.key(number), now: world.clock.now()))
      })
    let signer = FakeSigner()
    let again = try restart(world, signer)
    try again.start()
    defer { again.stop() }
    #expect(again.waitUntilStarted(milliseconds: 20_000))
    #expect(again.counters.loaded.current == RestartTests.count && again.certificatesAtStart == RestartTests.count)
    // Before the walk has come by, and after it.
    if !isAskedAtOnce { #expect(again.confirmed.wait(for: 1, milliseconds: 20_000)) }
    for number in 1...RestartTests.count {
      let answer = again.cache.answer(world.key(number), now: world.clock.now())
      #expect(answer != nil && answer == before[number])
    }
    #expect(signer.count == 0 && again.counters.unusable.current == 0)
    #expect(again.issued.count == RestartTests.count)
  }

  @Test("a stored answer that is not what was signed is signed anew, and never given out")
  func damagedAnswers() throws {
    let world = try world()
    let session = try world.store.openSession()
    let wrong = [5, 700, 2999]
    for number in wrong {
      var stored = try #require(
        try session.response(issuer: world.storeID, hashAlgorithm: .sha1, serial: Sample.serial(number)))
      stored.signature[stored.signature.count - 1] ^= 1
      try session.save([stored], at: world.clock.now())
    }
    let signer = FakeSigner()
    let again = try restart(world, signer)
    try again.start()
    defer { again.stop() }
    #expect(again.waitUntilStarted(milliseconds: 20_000))
    for number in wrong {
      let first = again.cache.answer(world.key(number), now: world.clock.now())
      #expect(first.map { signer.isGenuineAnswer($0) } ?? true)
    }
    #expect(
      comesTrue {
        wrong.allSatisfy { number in
          again.cache.answer(world.key(number), now: world.clock.now()).map { signer.isGenuineAnswer($0) } ?? false
        }
      })
    #expect(signer.count == wrong.count)
  }

  @Test("where some are missing, those are signed and no others")
  func missing() throws {
    let world = try world()
    let session = try world.store.openSession()
    try session.removeResponses(issuer: world.storeID, serials: [Sample.serial(3), Sample.serial(1500)])
    let signer = FakeSigner()
    let again = try restart(world, signer)
    try again.start()
    defer { again.stop() }
    #expect(again.waitUntilStarted(milliseconds: 20_000))
    for number in 1...RestartTests.count { #expect(again.cache.peek(world.key(number)) != nil) }
    #expect(signer.count == 2)
  }
}

extension FakeSigner {
  fileprivate func isGenuineAnswer(_ answer: Answer) -> Bool {
    let suffix = BasicOCSPResponse.certificatesSuffix(Sample.settings(keys: []).credential.certificates)
    guard let layout = ResponseLayout(prefix: answer.prefix.span) else { return false }
    let basic = (try? ReceivedResponse(answer.prefix + suffix))?.basic
    guard let basic else { return false }
    return isGenuine(Array(answer.prefix[layout.signature]), over: basic.tbsResponseData)
  }
}
