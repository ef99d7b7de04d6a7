import CalendarTime
import Fleet
import Glibc
import Metrics
import OCSP
import RedisCache
import RedisClient
import RedisTestSupport
import Responder
import ResponderRuntime
import Synchronization
import TestSupport
import Testing

/// What becomes of the shared level when its server has its troubles.
@Suite("Redis as the shared level, and its troubles")
struct RedisFaultTests {
  private let key = SharedKey(issuer: SharedIssuerName(7), hashAlgorithm: .sha1, serial: Sample.serial(1))

  private func entry(_ number: UInt64, token: UInt64 = 1) -> [UInt8] {
    UpdateEntry(number: number, token: FencingToken(token), news: .renewed([])).encoded(hasher: FakeHasher())
  }

  @Test("a value ends when its time is up")
  func ending() async throws {
    let redis = try await OwnRedis()
    defer { redis.client.stop() }
    try await expect(redis.cache.store([1, 2, 3], key, milliseconds: 50), .written)
    #expect(try await comesTrue { try await redis.cache.fetch(key) == .absent(completeUntil: nil) })
  }

  @Test("a lease ends by the server's clock")
  func leaseEnds() async throws {
    let redis = try await OwnRedis()
    defer { redis.client.stop() }
    let registry = RedisOriginRegistry(redis.client)
    let claim = OriginClaim(storeIdentity: [1], name: "a", revision: Revision(1))
    let first = try await registry.lead(claim, milliseconds: 100)
    #expect(
      try await comesTrue { if case .leads(let next) = try await registry.claim(claim) { next > first } else { false } }
    )
    try await expect(registry.renew(first, revision: 1), false)
  }

  @Test(
    "whatever somebody has written into the lease, no node falls over it, and the next holder heals it",
    arguments: ["1e30", "-1e30", "inf", "nan", "-5", "x", "9223372036854775807"])
  func strangeLease(number: String) async throws {
    let redis = try await OwnRedis()
    defer { redis.client.stop() }
    let registry = RedisOriginRegistry(redis.client)
    let claim = OriginClaim(storeIdentity: [1], name: "a", revision: Revision(1))
    let first = try await registry.lead(claim)
    for end in ["0", "x", "99999999999999999"] {
      try await redis.set(["HSET", "avouch:origin", "revision", number, "since", number, "token", number, "end", end])
      _ = try? await registry.claim(claim)
    }
    try await redis.set(["HSET", "avouch:origin", "revision", "1", "since", "1", "token", number, "end", "0"])
    let second = try await registry.lead(claim)
    #expect(second.value >= first.value)
    try await expect(registry.renew(second, revision: 1), true)
  }

  @Test("a listener hears of a cluster that is down, though its connection lasts")
  func clusterDown() async throws {
    let redis = try await OwnRedis(["--cluster-enabled", "yes"])
    defer { redis.client.stop() }
    try await redis.set(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
    let listener = Listener()
    redis.cache.follow(listener)
    #expect(await comesTrue { listener.isHearing })
    try await redis.set(["CLUSTER", "FLUSHSLOTS"])
    #expect(await comesTrue { !listener.isHearing })
    #expect(listener.why?.contains("CLUSTERDOWN") == true)
    try await redis.set(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
    #expect(await comesTrue { listener.isHearing })
  }

  @Test("who has much to catch up on reads it in parts that are not too long for a reply")
  func muchAtOnce() async throws {
    // The server is busy with it for a while.
    let redis = try await OwnRedis(silence: 10_000)
    defer { redis.client.stop() }
    let listener = Listener()
    redis.cache.follow(listener)
    #expect(await comesTrue { listener.isHearing })
    // As large as the news of many revocations at once are; all of them before the listener reads again.
    let script =
      "local x = string.rep('x', 131072); for _ = 1, 150 do redis.call('XADD', KEYS[1], '*', 'e', x) end"
    try await redis.set(["EVAL", script, "1", "avouch:updates"])
    try await redis.cache.announce(entry(5))
    #expect(await comesTrue { listener.entries.last == entry(5) })
    #expect(listener.entries.count == 151)
  }

  @Test("a server that hangs is missed, and what was announced meanwhile is heard afterwards")
  func hang() async throws {
    let redis = try await OwnRedis()
    defer { redis.client.stop() }
    let listener = Listener()
    redis.cache.follow(listener)
    #expect(await comesTrue { listener.isHearing })
    redis.server.send(SIGSTOP)
    #expect(await comesTrue { !listener.isHearing })
    await #expect(throws: SharedCacheError.self) { try await redis.cache.fetch(key) }
    redis.server.send(SIGCONT)
    try await OwnRedis.waitUntilReady(redis.client)
    try await redis.cache.announce(entry(5))
    #expect(await comesTrue { listener.isHearing && listener.entries == [entry(5)] })
  }

  @Test("a server that comes back empty is noticed by the next number, and by what nobody vouches for any more")
  func restartedEmpty() async throws {
    let redis = try await OwnRedis()
    defer { redis.client.stop() }
    let listener = Listener()
    redis.cache.follow(listener)
    #expect(await comesTrue { listener.isHearing })
    let until = SystemClock().now().advanced(bySeconds: 600)
    try await expect(redis.cache.setComplete(key.issuer, until), true)
    try await redis.cache.announce(entry(5))
    #expect(await comesTrue { listener.entries.count == 1 })
    await redis.server.kill()
    await redis.server.startAgain()
    try await OwnRedis.waitUntilReady(redis.client)
    try await expect(redis.cache.fetch(key), .absent(completeUntil: nil))
    try await expect(redis.cache.setComplete(key.issuer, until, isRenewal: true), false)
    // As by a clock that is behind: its ids are older than what was read. The reader looks where the stream ends between two
    // waits and goes on from there; the first number that it then hears tells that some were missed.
    let number = Mutex<UInt64>(9)
    #expect(
      await comesTrue {
        let next = number.withLock { number in
          number += 1
          return number
        }
        let words = ["XADD", "avouch:updates", "5-\(next)", "e"].map { Array($0.utf8) } + [entry(next)]
        _ = await value { done in
          redis.client.perform(RedisCommand(words: words), deadlineMilliseconds: 2000) { done($0) }
        }
        return listener.entries.count > 1
      })
  }

  @Test("a server whose memory is full says so, and keeps what it has")
  func full() async throws {
    let redis = try await OwnRedis(["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"])
    defer { redis.client.stop() }
    do {
      _ = try await redis.cache.store([UInt8](repeating: 7, count: 1 << 20), key)
      Issue.record("it was taken")
    } catch let error as SharedCacheError {
      #expect(error.description.contains("OOM") && error.description.contains("\(redis.server.port)"))
    }
    try await expect(redis.cache.fetch(key), .absent(completeUntil: nil))
  }

  @Test("an origin and two edges over Redis: renewals, revocations and a server that was killed in between")
  func fleet() async throws {
    let redis = try await OwnRedis()
    defer { redis.client.stop() }
    let clock = SystemClock()
    let credential = Sample.credential(
      5, notBefore: clock.now().advanced(bySeconds: -86_400), notAfter: clock.now().advanced(bySeconds: 30 * 86_400))
    let directory = try IssuerDirectory.make(
      [Sample.settings("one", keys: [], credential: credential)], session: try MemoryStore().openSession(),
      now: clock.now())
    let issuer = directory.issuers.issuers[0]
    let edges = (0..<2).map { number in
      EdgeResponder(
        directory: directory, shared: redis.cache, cacheBytes: 1 << 20, seed: UInt64(number) + 9, limits: .init(),
        clock: clock, hasher: FakeHasher())
    }
    let followers = edges.map { UpdateFollower($0, log: .silent) }
    for follower in followers { redis.cache.follow(follower) }
    #expect(await comesTrue { followers.allSatisfy { $0.deafness == nil } })
    let publisher = AnswerPublisher(
      shared: redis.cache, directory: { directory }, limits: .init(), clock: clock, hasher: FakeHasher())
    publisher.lead(FencingToken(1), after: nil)
    func hand(_ number: Int, _ status: CertificateStatus, _ revision: UInt64) throws {
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: .sha1, serial: Sample.serial(number))
      let times = try #require(AnswerBuilder.times(issuer: issuer, now: clock.now(), jitter: 0))
      let tbs = AnswerBuilder.tbsResponseData(
        AnswerBuilder.Statement(status: status), certID: try #require(issuer.encodedCertID(key.serial, .sha1)),
        times: times, issuer: issuer, credential: issuer.credential)
      if revision > 1 {
        publisher.changed(
          issuer.index,
          ChangedCertificate(
            issuer: issuer.storeID, record: Sample.record(number, revocation: Sample.revocation()),
            revision: Revision(revision)))
      }
      publisher.published(
        AnswerBuilder.answer(
          AnswerBuilder.Plan(
            key: key, revision: Revision(revision), times: times, isForUnissued: false,
            credential: issuer.credentialIndex),
          tbsResponseData: tbs, signature: [1], entry: directory.credential(of: issuer), hasher: FakeHasher()))
    }
    func settle() async { #expect(await comesTrue { !publisher.turn() && publisher.isSettled }) }
    func says(_ edge: Int, _ number: Int) throws -> CertificateStatus? {
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: .sha1, serial: Sample.serial(number))
      guard let answer = edges[edge].cache.answer(key, now: clock.now()) else { return nil }
      let octets = answer.prefix + edges[edge].directory.credentials[answer.credential].suffix
      return try ReceivedResponse(octets).basic?.responses.first?.status
    }
    let revoked = CertificateStatus.revoked(Sample.revocation())
    for number in 1...20 { try hand(number, .good, 1) }
    await settle()
    for edge in 0..<2 {
      for number in 1...20 {
        let asked = Asked()
        edges[edge].ask(
          .cached(ResponseKey(issuer: issuer.index, hashAlgorithm: .sha1, serial: Sample.serial(number))),
          receiver: asked)
        #expect(await comesTrue { asked.isTold })
        #expect(try says(edge, number) == .good)
      }
    }
    for number in 1...10 { try hand(number, revoked, UInt64(number) + 1) }
    await settle()
    for edge in 0..<2 { for number in 1...10 { #expect(try await comesTrue { try says(edge, number) == revoked }) } }
    // Killed, and back without anything: memory serves, and what is announced then is heard.
    await redis.server.kill()
    for edge in 0..<2 { #expect(try says(edge, 1) == revoked && says(edge, 20) == .good) }
    try hand(20, revoked, 50)
    _ = publisher.turn()
    await redis.server.startAgain()
    #expect(
      try await comesTrue {
        _ = publisher.turn()
        return try (0..<2).allSatisfy { try says($0, 20) != .good }
      })
  }

  private final class Asked: OutcomeReceiver {
    private let record = EventRecord()
    let isGone = false
    var isTold: Bool { !record.lines.isEmpty }
    func receive(_ outcome: QuestionOutcome) { record.add("told") }
  }
}
