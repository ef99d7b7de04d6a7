import CalendarTime
import Fleet
import Responder
import Simulation
import Synchronization
import TestSupport
import Testing

@Suite("The lease of the one origin")
struct OriginLeaseTests {
  private let clock = SimulatedClock(Sample.start)

  private func claim(_ store: UInt8, _ name: String, _ revision: UInt64 = 10) -> OriginClaim {
    OriginClaim(storeIdentity: [store], name: name, revision: Revision(revision))
  }

  private func lease(
    _ registry: MemoryOriginRegistry, _ claim: OriginClaim, takesOver: Bool = false
  ) -> OriginLease {
    OriginLease(registry: registry, leaseMilliseconds: 10_000, takesOver: takesOver, clock: clock) { claim }
  }

  private func pass(_ seconds: Double, _ leases: OriginLease...) {
    for _ in 0..<Int(seconds * 10) {
      clock.advance(nanoseconds: 100_000_000)
      for lease in leases { lease.turn() }
    }
  }

  private func words(_ lease: OriginLease) -> String {
    switch lease.status {
    case .refused(let words): words
    case .seeking(let why): why ?? ""
    case .leading: "leading"
    }
  }

  /// The token of one that leads; it grows with every holder, and is never smaller than the clock says.
  private func token(_ lease: OriginLease, after before: FencingToken = FencingToken(0)) throws -> FencingToken {
    let token = try #require(lease.token)
    #expect(token > before && token.value >= UInt64(Sample.start.seconds))
    return token
  }

  @Test("the first leads for as long as it renews; a second one is told who it is, and since when")
  func two() throws {
    let registry = MemoryOriginRegistry(clock: clock)
    let (first, second) = (lease(registry, claim(1, "a:1")), lease(registry, claim(1, "b:2")))
    first.turn()
    second.turn()
    let held = try token(first)
    #expect(second.token == nil)
    #expect(words(second).contains("a:1 is the origin since \(Sample.start.iso8601)"))
    pass(60, first, second)
    #expect(first.token == held && second.token == nil)
    // It has seen for long that the first one lives: it must not take over where that is started anew.
    #expect(words(second).contains("not tried again before"))
    first.release()
    pass(5, second)
    #expect(second.token == nil && first.token == nil)
    let third = lease(registry, claim(1, "c:3"))
    third.turn()
    _ = try token(third, after: held)
  }

  @Test("an origin that was paused knows that it leads no longer, before another one may")
  func paused() throws {
    let registry = MemoryOriginRegistry(clock: clock)
    let (first, second) = (lease(registry, claim(1, "a:1")), lease(registry, claim(1, "b:2")))
    first.turn()
    // Only the second one's turns: the first is stopped. At each moment at most one of them leads.
    for _ in 0..<200 {
      clock.advance(nanoseconds: 100_000_000)
      second.turn()
      #expect(first.token == nil || second.token == nil)
    }
    _ = try token(second)
    first.turn()
    #expect(first.token == nil && words(first).contains("b:2 is the origin"))
  }

  @Test("an origin that is cut off stops by its own clock, and leads again when it can")
  func cutOff() throws {
    let registry = MemoryOriginRegistry(clock: clock)
    let first = lease(registry, claim(1, "a:1"))
    first.turn()
    let held = try token(first)
    registry.fail(with: SharedCacheError("node r: no connection"))
    pass(8, first)
    #expect(first.token != nil, "the lease lasts a while")
    pass(3, first)
    #expect(first.token == nil && words(first).contains("no connection"))
    registry.fail(with: nil)
    pass(5, first)
    _ = try token(first, after: held)
  }

  @Test("a shared level that has forgotten everything gives no token out a second time")
  func forgotten() throws {
    let before = try token(
      { () -> OriginLease in
        let first = lease(MemoryOriginRegistry(clock: clock), claim(1, "a:1"))
        first.turn()
        return first
      }())
    clock.advance(nanoseconds: 1_000_000_000)
    let restarted = lease(MemoryOriginRegistry(clock: clock), claim(1, "a:1"))
    restarted.turn()
    _ = try token(restarted, after: before)
  }

  @Test("what is recorded at an older copy meanwhile does not make up for what the fleet was told")
  func olderCopy() throws {
    let registry = MemoryOriginRegistry(clock: clock)
    let first = lease(registry, claim(1, "a:1", 100))
    first.turn()
    first.release()
    let revision = Mutex<UInt64>(99)
    let copy = OriginLease(registry: registry, leaseMilliseconds: 10_000, takesOver: false, clock: clock) {
      OriginClaim(storeIdentity: [1], name: "b:2", revision: Revision(revision.withLock { $0 }))
    }
    copy.turn()
    #expect(words(copy).contains("revision 99"))
    revision.withLock { $0 = 105 }
    pass(60, copy)
    #expect(copy.token == nil && words(copy).contains("revision 99"))
  }

  @Test("another store, or an older copy of the same one, takes over only where an operator says so")
  func stores() throws {
    let registry = MemoryOriginRegistry(clock: clock)
    let first = lease(registry, claim(1, "a:1", 100))
    first.turn()
    first.release()
    let other = lease(registry, claim(2, "b:2", 500))
    other.turn()
    #expect(other.token == nil && words(other).contains("another store, that of a:1"))
    let older = lease(registry, claim(1, "a:9", 99))
    older.turn()
    #expect(older.token == nil && words(older).contains("revision 99") && words(older).contains("revision 100"))
    let same = lease(registry, claim(1, "a:9", 100))
    same.turn()
    let held = try token(same)
    same.release()
    let forced = lease(registry, claim(2, "b:2", 1), takesOver: true)
    forced.turn()
    _ = try token(forced, after: held)
  }
}
