import CalendarTime
import OCSP
import RedisCache
import RedisClient
import Responder
import ResponderRuntime
import TestSupport
import Testing

/// What every shared level must do, whoever it is.
@Suite("Shared cache contract")
struct SharedCacheContractTests {
  private let hasher = FakeHasher()

  private func key(_ number: Int) -> SharedKey {
    SharedKey(issuer: SharedIssuerName(7), hashAlgorithm: .sha1, serial: Sample.serial(number))
  }

  private func frame(_ number: Int, token: UInt64 = 1, revision: UInt64 = 1, at seconds: Int64 = 0) -> [UInt8] {
    let made = Sample.start.advanced(bySeconds: seconds)
    return SharedAnswer(
      key: key(number), token: FencingToken(token), revision: Revision(revision),
      times: AnswerTimes(
        producedAt: made, nextUpdate: made.advanced(bySeconds: 1000), refreshAt: made.advanced(bySeconds: 500)),
      // Every octet there is.
      response: (0...255).map { UInt8($0) }
    ).encoded(hasher: hasher)
  }

  @Test(
    "what is stored is fetched, octet for octet, and nothing is there that was not stored", arguments: Kind.allCases)
  func storing(kind: Kind) async throws {
    try await kind.open { cache, _ in
      try await expect(cache.fetch(key(1)), .absent(completeUntil: nil))
      try await expect(cache.store(frame(1), key(1)), .written)
      try await expect(cache.fetch(key(1)), .held(frame(1)))
      try await expect(cache.store(frame(1), key(1)), .unchanged)
      try await expect(cache.fetch(key(2)), .absent(completeUntil: nil))
    }
  }

  @Test("invariant 1: an older write is refused, by the same rule in both", arguments: Kind.allCases)
  func order(kind: Kind) async throws {
    var random = SeededGenerator(seed: 8)
    // Numbers that Lua could not hold, and such as differ in one octet alone.
    let numbers: [UInt64] = [0, 1, 2, 255, 256, 1 << 31, 1 << 52, (1 << 53) + 1, (1 << 53) + 2, .max - 1, .max]
    try await kind.open { cache, _ in
      var held: [UInt8]?
      for _ in 0..<400 {
        guard let token = numbers.randomElement(using: &random), let revision = numbers.randomElement(using: &random)
        else { return }
        let new = frame(1, token: token, revision: revision, at: Int64.random(in: 0..<3, using: &random))
        let expected = SharedWrite.outcome(of: new, over: held)
        try await expect(cache.store(new, key(1)), expected)
        if expected == .written || expected == .replaced { held = new }
        if let held { try await expect(cache.fetch(key(1)), .held(held)) }
        // Else the highest of all would soon end it.
        if Int.random(in: 0..<6, using: &random) == 0, let bad = held, bad != SharedAnswer.damaged {
          cache.discard(bad, under: key(1))
          #expect(try await comesTrue { try await cache.fetch(key(1)) == .held(SharedAnswer.damaged) })
          held = SharedAnswer.damaged
        }
      }
    }
  }

  @Test("invariant 1: so is each of many at once, beside those that find nothing there", arguments: Kind.allCases)
  func orderOfMany(kind: Kind) async throws {
    var random = SeededGenerator(seed: 9)
    try await kind.open { cache, _ in
      var held: [Int: [UInt8]] = [:]
      for wave in 1...20 {
        // Waves that are new, old and mixed in turns: what was found last says nothing of what is there.
        let numbers = (1...20).map { wave % 3 == 0 ? $0 : wave % 3 == 1 ? wave * 100 + $0 : $0 * wave }
        let frames = numbers.map { frame($0, revision: UInt64.random(in: 1...3, using: &random)) }
        let expected = zip(numbers, frames).map { SharedWrite.outcome(of: $1, over: held[$0]) }
        try await expect(cache.store(zip(numbers, frames).map { ($1, key($0)) }), expected)
        for (place, number) in numbers.enumerated() where [.written, .replaced].contains(expected[place]) {
          held[number] = frames[place]
        }
        for number in numbers { try await expect(cache.fetch(key(number)), .held(try #require(held[number]))) }
      }
    }
  }

  @Test(
    "octets that are no frame give way, and are marked only while they are what is there", arguments: Kind.allCases)
  func rubbish(kind: Kind) async throws {
    try await kind.open { cache, _ in
      let rubbish = Array("AVO1 cut short".utf8)
      try await expect(cache.store(rubbish, key(1)), .written)
      cache.discard(Array("another thing".utf8), under: key(1))
      try await expect(cache.fetch(key(1)), .held(rubbish))
      try await expect(cache.store(frame(1), key(1)), .written)
      cache.discard(rubbish, under: key(1))
      try await expect(cache.fetch(key(1)), .held(frame(1)))
      cache.discard(frame(1), under: key(1))
      try await expect(cache.fetch(key(1)), .held(SharedAnswer.damaged))
      try await expect(cache.store(frame(1), key(1)), .written)
    }
  }

  @Test(
    "what an origin vouches for is told with what is absent, and renewed only while it stands", arguments: Kind.allCases
  )
  func completeness(kind: Kind) async throws {
    try await kind.open { cache, _ in
      let issuer = key(1).issuer
      let until = SystemClock().now().advanced(bySeconds: 600)
      try await expect(cache.setComplete(issuer, until, isRenewal: true), false)
      try await expect(cache.setComplete(issuer, until), true)
      try await expect(cache.fetch(key(1)), .absent(completeUntil: until))
      // Of other hashes nothing was said.
      try await expect(
        cache.fetch(SharedKey(issuer: issuer, hashAlgorithm: .sha256, serial: key(1).serial)),
        .absent(completeUntil: nil))
      let later = until.advanced(bySeconds: 5)
      try await expect(cache.setComplete(issuer, later, isRenewal: true), true)
      try await expect(cache.fetch(key(1)), .absent(completeUntil: later))
      try await expect(cache.setComplete(issuer, nil), true)
      try await expect(cache.fetch(key(1)), .absent(completeUntil: nil))
    }
  }

  @Test("the stream begins behind its newest entry, and keeps the order", arguments: Kind.allCases)
  func stream(kind: Kind) async throws {
    try await kind.open { cache, _ in
      try await expect(cache.newest(), nil)
      try await cache.announce([1, 0, 255])
      try await expect(cache.newest(), [1, 0, 255])
      let listener = Listener()
      cache.follow(listener)
      #expect(await comesTrue { listener.beginning == .some([1, 0, 255]) && listener.isHearing })
      let entries = (0..<300).map { [UInt8](repeating: UInt8($0 % 256), count: $0 % 40) + [7] }
      for entry in entries { try await cache.announce(entry) }
      if let memory = cache as? MemorySharedCache { while memory.tellNext(0) {} }
      #expect(await comesTrue { listener.entries.count == 300 })
      #expect(listener.entries == entries)
    }
  }

  @Test("one origin leads; the others are told who, and what is in the way", arguments: Kind.allCases)
  func lease(kind: Kind) async throws {
    func claim(_ store: UInt8, _ name: String, _ revision: UInt64) -> OriginClaim {
      OriginClaim(storeIdentity: [store, 0, 255], name: name, revision: Revision(revision))
    }
    let since = UnixTime(seconds: 1_700_000_000)
    try await kind.open { _, registry in
      let first = try await registry.lead(claim(1, "a", 10))
      try await expect(registry.claim(claim(1, "b", 10)), .taken(by: "a", since: since))
      // The same name is not the same process.
      try await expect(registry.claim(claim(1, "a", 10)), .taken(by: "a", since: since))
      try await expect(registry.renew(first, revision: 1000), true)
      try await expect(registry.renew(FencingToken(first.value + 1), revision: 12), false)
      try await expect(registry.release(FencingToken(first.value + 1), revision: 12), false)
      try await expect(registry.release(first, revision: 1001), true)
      try await expect(registry.renew(first, revision: 12), false)
      try await expect(registry.claim(claim(1, "b", 1000)), .behind(Revision(1001)))
      try await expect(registry.claim(claim(2, "c", 5000)), .otherStore(of: "a", since: since))
      let second = try await registry.lead(claim(1, "b", 1001), after: first)
      try await expect(registry.release(second, revision: 1001), true)
      _ = try await registry.lead(claim(2, "c", 1), after: second, takesOver: true)
      try await expect(registry.claim(claim(1, "a", 1), takesOver: true), .taken(by: "c", since: since))
    }
  }

  @Test("who holds the lease is not in his own way", arguments: Kind.allCases)
  func ownLease(kind: Kind) async throws {
    func claim(_ process: UInt8) -> OriginClaim {
      OriginClaim(storeIdentity: [1], name: "a", process: [process], revision: Revision(10))
    }
    try await kind.open { _, registry in
      let first = try await registry.lead(claim(7))
      // He has not heard of it.
      let second = try await registry.lead(claim(7), after: first)
      try await expect(
        registry.claim(claim(8)), .taken(by: "a", since: UnixTime(seconds: 1_700_000_000)))
      try await expect(registry.renew(first, revision: 11), false)
      try await expect(registry.renew(second, revision: 11), true)
    }
  }
}
