import CalendarTime
import Fleet
import Metrics
import OCSP
import Responder
import Simulation
import TestSupport
import Testing

@Suite("An edge")
struct EdgeTests {
  private let revoked = CertificateStatus.revoked(Sample.revocation())

  @Test("what is not in memory is fetched once for all who ask, and then served from memory")
  func fetching() throws {
    let world = try FleetWorld()
    world.store(try world.frame(1, .good, revision: 1), 1)
    world.shared.stepByStep()
    let waiters = (0..<5).map { _ in world.ask(1) }
    #expect(world.shared.waitingCount == 1)
    #expect(world.shared.turn())
    for waiter in waiters { #expect(try world.status(waiter) == .good) }
    #expect(try world.served(1) == .good)
    let edge = world.edges[0]
    #expect(edge.counters.coalesced.current == 4 && edge.counters.fetched.current == 1)
  }

  @Test("absent means unauthorized only while the origin vouches for it")
  func absence() throws {
    let world = try FleetWorld()
    #expect(world.isTryLater(world.askInVain(9)))
    let name = world.issuer.sharedName
    world.shared.setComplete(name, until: world.clock.now().advanced(bySeconds: 60), hashes: [.sha1], isRenewal: false)
    { _ in }
    #expect(world.isUnauthorized(world.ask(9)))
    // Vouched for is what is signed ahead, and the origin signs the rest when it is asked.
    #expect(world.isTryLater(world.askInVain(9, .sha256)))
    // While the news cannot be heard nothing is known for certain, and not right afterwards either.
    world.followers[0].isHeard(false, why: "a test")
    #expect(world.isTryLater(world.askInVain(9)))
    world.followers[0].isHeard(true, why: nil)
    #expect(world.isTryLater(world.askInVain(9)))
    world.clock.advance(seconds: 9)
    #expect(world.isUnauthorized(world.ask(9)))
    world.clock.advance(seconds: 60)
    #expect(world.isTryLater(world.askInVain(9)))
  }

  @Test("what a node has heard of was issued, though its answer is not there and everything is vouched for")
  func heardOf() throws {
    let world = try FleetWorld()
    let until = world.clock.now().advanced(bySeconds: 60)
    world.shared.setComplete(world.issuer.sharedName, until: until, hashes: [.sha1], isRenewal: false) { _ in }
    world.announce(.changed(world.sharedKey(9), Revision(5), frame: []))
    world.hearAll()
    #expect(world.isTryLater(world.askInVain(9)))
    #expect(world.isUnauthorized(world.ask(8)))
  }

  @Test("damaged, foreign, contradictory and ended values are never served, and all but the last are marked")
  func badValues() throws {
    let world = try FleetWorld()
    let good = try world.frame(1, .good, revision: 1)
    let other = try world.frame(2, .good, revision: 1)
    var damaged = good
    damaged[100] ^= 1
    for octets in [damaged, other, Array("rubbish".utf8), []] {
      world.shared.setValue(octets, world.sharedKey(1))
      #expect(world.isTryLater(world.askInVain(1)))
      #expect(world.shared.value(world.sharedKey(1)) == SharedAnswer.damaged)
    }
    // Though everything is vouched for: that something is there says that it was issued.
    let until = world.clock.now().advanced(bySeconds: 60)
    world.shared.setComplete(world.issuer.sharedName, until: until, hashes: [.sha1], isRenewal: false) { _ in }
    #expect(world.isTryLater(world.askInVain(1)))
    #expect(world.edges[0].counters.damaged.current == 4)
    world.shared.setValue(good, world.sharedKey(1))
    world.clock.advance(seconds: world.issuer.policy.validitySeconds)
    #expect(world.isTryLater(world.askInVain(1)))
    #expect(world.edges[0].counters.ended.current == 1)
  }

  @Test("a failing shared level costs the missing answers alone")
  func failure() throws {
    let world = try FleetWorld()
    world.store(try world.frame(1, .good, revision: 1), 1)
    _ = world.ask(1)
    world.shared.fail(with: SharedCacheError("node 127.0.0.1:1: no connection"))
    #expect(world.isTryLater(world.ask(2)))
    #expect(try world.served(1) == .good)
    world.shared.fail(with: nil)
    world.store(try world.frame(2, .good, revision: 1), 2)
    #expect(try world.status(world.ask(2)) == .good)
  }

  @Test("a shared level that never answers keeps nobody past the deadline")
  func deadline() throws {
    let world = try FleetWorld()
    world.shared.stepByStep()
    let waiter = Waiter()
    var limits = EdgeResponder.Limits()
    limits.deadlineMilliseconds = 0
    let edge = EdgeResponder(
      directory: world.edges[0].directory, shared: world.shared, cacheBytes: 1 << 20, seed: 3, limits: limits,
      clock: world.clock, hasher: FakeHasher())
    edge.ask(.cached(world.key(1)), receiver: waiter)
    edge.sweepOverdue()
    #expect(world.isTryLater(waiter))
    #expect(world.shared.turn())
    #expect(world.isTryLater(waiter), "told once")
  }

  @Test("nothing is signed here: nonces and questions of several certificates are not answered")
  func live() throws {
    let world = try FleetWorld()
    let waiter = Waiter()
    world.edges[0].ask(.unauthorized, receiver: waiter)
    #expect(world.isUnauthorized(waiter))
  }

  @Test("a revocation comes with its answer, for every hash algorithm, and nothing older is believed any more")
  func revocation() throws {
    let world = try FleetWorld()
    let old = try world.frame(1, .good, revision: 1)
    world.store(old, 1)
    #expect(try world.status(world.ask(1)) == .good)
    let new = try world.frame(1, revoked, revision: 2)
    world.store(new, 1)
    world.announce(.changed(world.sharedKey(1), Revision(2), frame: new))
    world.hearAll()
    #expect(try world.served(1) == revoked)
    // The shared level has lost the write: what memory knows is served, and without it nothing is.
    world.shared.setValue(old, world.sharedKey(1))
    #expect(try world.status(world.ask(1)) == revoked)
    world.edges[0].cache.dropAll()
    #expect(world.isTryLater(world.askInVain(1)))
    #expect(world.edges[0].counters.outdated.current == 2)
  }

  @Test("an answer that was signed on demand counts only once the origin has told of it")
  func onDemand() throws {
    let world = try FleetWorld()
    let old = try world.frame(1, .good, revision: 1, algorithm: .sha256)
    world.store(old, 1, .sha256)
    // The certificate may have been revoked since, before this edge could hear of it: the origin must say.
    #expect(world.isTryLater(world.askInVain(1, .sha256)))
    let waiter = world.ask(1, .sha256)
    world.announce(
      .renewed([
        .init(key: world.sharedKey(1, .sha256), revision: Revision(1), producedAt: world.clock.now())
      ]))
    world.hearAll()
    #expect(try world.status(waiter) == .good)
    // From here on changes are heard: Redis may be asked whether there is anything newer.
    #expect(try world.status(world.ask(1, .sha256)) == .good)
    world.edges[0].cache.dropAll()
    #expect(world.isTryLater(world.askInVain(1, .sha256)))
  }

  @Test("a revocation that is read before its news takes answers with other hashes out of memory")
  func readBeforeItsNews() throws {
    let world = try FleetWorld()
    world.store(try world.frame(1, .good, revision: 1, algorithm: .sha256), 1, .sha256)
    let waiter = world.ask(1, .sha256)
    world.announce(
      .renewed([.init(key: world.sharedKey(1, .sha256), revision: Revision(1), producedAt: world.clock.now())]))
    world.hearAll()
    #expect(try world.status(waiter) == .good)
    world.store(try world.frame(1, revoked, revision: 2), 1)
    #expect(try world.status(world.ask(1)) == revoked)
    #expect(world.edges[0].cache.peek(world.key(1, .sha256)) == nil)
    #expect(world.isTryLater(world.askInVain(1, .sha256)))
  }

  @Test("a change without an answer yet takes the old one out of memory")
  func changeAlone() throws {
    let world = try FleetWorld()
    world.store(try world.frame(1, .good, revision: 1), 1)
    _ = world.ask(1)
    world.announce(.changed(world.sharedKey(1), Revision(2), frame: []))
    world.hearAll()
    #expect(try world.served(1) == nil)
    #expect(world.isTryLater(world.askInVain(1)), "the shared level has the old answer still")
    world.store(try world.frame(1, revoked, revision: 2), 1)
    #expect(try world.status(world.ask(1)) == revoked)
  }

  @Test("a fetch that a change overtakes is done again")
  func overtaken() throws {
    let world = try FleetWorld()
    world.store(try world.frame(1, .good, revision: 1), 1)
    world.shared.stepByStep()
    let waiter = world.ask(1)
    // Read, but not told yet: the completion is what the turn calls. So the news come first.
    world.edges[0].cache.fence(world.key(1), revision: Revision(2))
    #expect(world.shared.turn())
    #expect(waiter.outcome == nil && world.shared.waitingCount == 1)
  }

  @Test("renewed answers are fetched by those who hold an older one, and by nobody else")
  func renewal() throws {
    let world = try FleetWorld(edges: 2)
    for number in 1...3 { world.store(try world.frame(number, .good, revision: 1), number) }
    for number in 1...2 { _ = world.ask(number, edge: 0) }
    world.clock.advance(seconds: 3600)
    var renewals: [UpdateEntry.Renewal] = []
    for number in 1...3 {
      world.store(try world.frame(number, .good, revision: 1), number)
      renewals.append(
        UpdateEntry.Renewal(key: world.sharedKey(number), revision: Revision(1), producedAt: world.clock.now()))
    }
    world.announce(.renewed(renewals))
    world.hearAll()
    for number in 1...2 {
      #expect(world.edges[0].cache.peek(world.key(number))?.times.producedAt == world.clock.now())
    }
    #expect(world.edges[0].cache.peek(world.key(3)) == nil)
    #expect(world.edges[1].cache.statistics().entries == 0)
  }

  @Test("a gap in the news empties memory, and what came after it is applied")
  func gap() throws {
    let world = try FleetWorld()
    for number in 1...3 { world.store(try world.frame(number, .good, revision: 1), number) }
    world.announce(.renewed([]))
    world.hearAll()
    for number in 1...3 { _ = world.ask(number) }
    let lost = try world.frame(1, revoked, revision: 2)
    world.store(lost, 1)
    world.announce(.changed(world.sharedKey(1), Revision(2), frame: lost))
    world.shared.loseNext(0)
    let heard = try world.frame(2, revoked, revision: 3)
    world.store(heard, 2)
    world.announce(.changed(world.sharedKey(2), Revision(3), frame: heard))
    world.hearAll()
    #expect(world.edges[0].counters.gaps.current == 1)
    #expect(try world.served(1) == nil && world.served(2) == revoked && world.served(3) == nil)
    #expect(try world.status(world.ask(1)) == revoked)
    #expect(try world.status(world.ask(3)) == .good)
  }

  @Test("news with numbers or tokens that nobody has given out do not keep an edge from what is told next")
  func strangeNews() throws {
    let world = try FleetWorld()
    world.announce(.renewed([]))
    world.hearAll()
    for (serial, number, token) in [(1, UInt64.max - 9, UInt64(1)), (2, 7_000_000, .max)] {
      world.store(try world.frame(serial, .good, revision: 1), serial)
      let strange = UpdateEntry(number: number, token: FencingToken(token), news: .renewed([]))
      world.shared.announce(strange.encoded(hasher: world.hasher)) { _ in }
      world.hearAll()
      #expect(try world.status(world.ask(serial)) == .good)
      let new = try world.frame(serial, revoked, revision: 2)
      world.store(new, serial)
      world.announce(.changed(world.sharedKey(serial), Revision(2), frame: new))
      world.hearAll()
      #expect(try world.served(serial) == revoked)
    }
    // Nor does such a token keep the origin from putting an answer right.
    world.store(try world.frame(3, .good, revision: 1, token: .max), 3)
    #expect(world.isTryLater(world.askInVain(3)))
    world.store(try world.frame(3, .good, revision: 1), 3)
    #expect(try world.status(world.ask(3)) == .good)
  }

  @Test("a signer that the edge has not met is learnt with its answers, old and new side by side")
  func rollover() throws {
    let world = try FleetWorld()
    world.store(try world.frame(1, .good, revision: 1), 1)
    world.store(try world.frame(2, .good, revision: 1, signer: Sample.credential(6)), 2)
    let before = world.edges[0].directoryGeneration
    #expect(try world.status(world.ask(1)) == .good && world.status(world.ask(2)) == .good)
    #expect(world.edges[0].directoryGeneration == before + 2)
    let credentials = world.edges[0].directory.credentials.entries.map(\.credential.certificates)
    #expect(credentials.contains(Sample.credential(5).certificates))
    #expect(credentials.contains(Sample.credential(6).certificates))
    #expect(try world.served(1) == .good && world.served(2) == .good)
  }

  @Test("an origin that was replaced is not listened to")
  func fencedOrigin() throws {
    let world = try FleetWorld()
    world.store(try world.frame(1, revoked, revision: 5, token: 2), 1)
    world.announce(.renewed([]), token: 2)
    world.hearAll()
    _ = world.ask(1)
    // Its clock, its numbers and its view of the world are its own.
    let late = try world.frame(1, .good, revision: 9, token: 1)
    world.store(late, 1)
    world.announce(.changed(world.sharedKey(1), Revision(9), frame: late), token: 1)
    world.hearAll()
    #expect(try world.served(1) == revoked)
    #expect(world.shared.value(world.sharedKey(1)) != late)
  }
}
