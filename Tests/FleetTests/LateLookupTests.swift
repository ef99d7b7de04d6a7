import CalendarTime
import Fleet
import Metrics
import OCSP
import Responder
import Simulation
import Synchronization
import TestSupport
import Testing

/// A shared level whose lookups are answered at once and told later.
private final class LateSharedCache: SharedCache {
  let inner = MemorySharedCache()
  private let held = Mutex<[@Sendable () -> Void]>([])

  /// Tells everything that was looked up so far.
  func tellAll() {
    let all = held.withLock { held in
      defer { held = [] }
      return held
    }
    for tell in all { tell() }
  }

  func fetch(_ key: SharedKey, completion: @escaping @Sendable (Result<SharedLookup, SharedCacheError>) -> Void) {
    inner.fetch(key) { [self] result in held.withLock { $0.append { completion(result) } } }
  }

  func store(
    _ writes: [SharedFrame],
    completion: @escaping @Sendable (Int, Result<SharedWrite.Outcome, SharedCacheError>) -> Void
  ) {
    inner.store(writes, completion: completion)
  }

  func discard(_ octets: [UInt8], under key: SharedKey) { inner.discard(octets, under: key) }

  func setComplete(
    _ issuer: SharedIssuerName, until: UnixTime?, hashes: [HashAlgorithm], isRenewal: Bool,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    inner.setComplete(issuer, until: until, hashes: hashes, isRenewal: isRenewal, completion: completion)
  }

  func want(_ key: SharedKey) { inner.want(key) }
  func followWants(_ receiver: any WantReceiver) { inner.followWants(receiver) }

  func announce(_ entry: [UInt8], completion: @escaping @Sendable (Result<Void, SharedCacheError>) -> Void) {
    inner.announce(entry, completion: completion)
  }

  func newestAnnouncement(completion: @escaping @Sendable (Result<[UInt8]?, SharedCacheError>) -> Void) {
    inner.newestAnnouncement(completion: completion)
  }

  func follow(_ receiver: any UpdateReceiver) { inner.follow(receiver) }
}

@Suite("Lookups that come late")
struct LateLookupTests {
  @Test("what was looked up before news were missed is not served after them, nor kept")
  func overGap() throws {
    let world = try FleetWorld()
    let late = LateSharedCache()
    let edge = EdgeResponder(
      directory: world.edges[0].directory, shared: late, cacheBytes: 1 << 20, seed: 4, limits: .init(),
      clock: world.clock, hasher: FakeHasher())
    let follower = UpdateFollower(edge, log: .silent)
    func store(_ frame: [UInt8]) {
      late.store([SharedFrame(octets: frame, key: world.sharedKey(1), milliseconds: 1_000_000)]) { _, _ in }
    }
    func tell(_ number: UInt64) {
      let entry = UpdateEntry(number: number, token: FencingToken(1), news: .renewed([]))
      follower.receive([entry.encoded(hasher: FakeHasher())])
    }
    follower.begins(after: nil)
    follower.isHeard(true, why: nil)
    tell(1)
    store(try world.frame(1, .good, revision: 1))
    let waiter = Waiter()
    edge.ask(.cached(world.key(1)), receiver: waiter)
    // It is revoked, and the news of that, number 2, are lost.
    store(try world.frame(1, .revoked(Sample.revocation()), revision: 2))
    tell(3)
    #expect(edge.counters.gaps.current == 1)
    late.tellAll()
    #expect(waiter.outcome == nil && edge.cache.peek(world.key(1)) == nil, "it is looked up again")
    late.tellAll()
    guard case .answer(let answer)? = waiter.outcome else {
      Issue.record("no answer: \(String(describing: waiter.outcome))")
      return
    }
    #expect(answer.revision == Revision(2))
    #expect(edge.cache.peek(world.key(1))?.revision == Revision(2))
  }
}
