import CalendarTime
import Fleet
import OCSP
import Responder
import ResponderRuntime
import Simulation
import Synchronization
import TestSupport
import Testing

/// An origin with the runtime's real parts, and edges, over a shared level in memory: every part takes its turn when it is
/// told to, and time is a number.
final class SimulatedFleet {
  let clock = SimulatedClock(Sample.start)
  let shared = MemorySharedCache()
  let registry: MemoryOriginRegistry
  let runtime: ResponderRuntime
  let origin: FleetOrigin
  let publisher: AnswerPublisher
  let edges: [EdgeResponder]
  let followers: [UpdateFollower]
  let stepped: SteppedRuntime
  let wanted: WantedAnswers
  let issuer: Issuer
  let log = SimulationLog()
  let signer = FakeSigner()
  private let session: any StatusStoreSession
  private let settings: IssuerSettings
  private let disturbance = Counted()
  private let rival: OriginLease
  private(set) var revision: UInt64 = 0

  /// A number that a closure and a test share.
  final class Counted: Sendable {
    private let count = Atomic<UInt64>(0)
    var value: UInt64 { count.load(ordering: .relaxed) }
    func grow() { count.wrappingAdd(1, ordering: .relaxed) }
  }

  /// The parts have each other before all are made.
  private final class Parts: Sendable {
    let runtime = Mutex<ResponderRuntime?>(nil)
    let publisher = Mutex<AnswerPublisher?>(nil)
  }

  init(edges count: Int, seed: UInt64, wantsOnly: Bool = false) throws {
    let (clock, shared, parts, disturbance) = (clock, shared, Parts(), disturbance)
    let registry = MemoryOriginRegistry(clock: clock)
    self.registry = registry
    settings = Sample.settings("one", keys: [signer])
    let store = MemoryStore()
    session = try store.openSession()
    let directory = try IssuerDirectory.make([settings], session: session, now: clock.now())
    issuer = directory.issuers.issuers[0]
    wanted = WantedAnswers(
      milliseconds: wantsOnly ? 10_000 : nil, clock: clock, source: { parts.runtime.withLock { $0 } },
      publisher: { parts.publisher.withLock { $0 } })
    var limits = AnswerPublisher.Limits()
    limits.window = 4
    publisher = AnswerPublisher(
      shared: shared, directory: { parts.runtime.withLock { $0 }?.directory ?? directory }, limits: limits,
      clock: clock,
      hasher: FakeHasher(), selection: wanted)
    let runtime = ResponderRuntime(
      directory: directory, store: store, cacheBytes: 1 << 20, seed: seed, limits: .init(), clock: clock,
      hasher: FakeHasher(), log: log, receiver: publisher)
    self.runtime = runtime
    parts.runtime.withLock { $0 = runtime }
    let publisher = publisher
    parts.publisher.withLock { $0 = publisher }
    stepped = try SteppedRuntime(runtime)
    let identity = try session.storeIdentity()
    let lease = OriginLease(registry: registry, leaseMilliseconds: 10_000, takesOver: false, clock: clock) {
      OriginClaim(storeIdentity: identity, name: "origin", revision: runtime.appliedRevision)
    }
    origin = FleetOrigin(
      lease: lease, publisher: publisher, shared: shared, supply: try RuntimeAnswerSupply(runtime),
      directory: { runtime.directory }, vouches: !wantsOnly, disturbances: { disturbance.value }, clock: clock,
      hasher: FakeHasher(), gate: .init(close: { runtime.suspend($0) }, open: { runtime.resume() }), log: .silent)
    rival = OriginLease(registry: registry, leaseMilliseconds: 10_000, takesOver: false, clock: clock) {
      OriginClaim(storeIdentity: [9], name: "rival", revision: Revision(1))
    }
    let settings = settings
    edges = try (0..<count).map { number in
      EdgeResponder(
        directory: try IssuerDirectory.ofEdge([settings]), shared: shared, cacheBytes: 1 << 20,
        seed: seed &+ UInt64(number), limits: .init(), clock: clock, hasher: FakeHasher())
    }
    followers = edges.map { UpdateFollower($0, log: .silent) }
    for follower in followers { shared.follow(follower) }
    shared.followWants(wanted)
    shared.stepByStep()
  }

  // MARK: - What happens

  func issue(_ number: Int) throws { try issue(number..<(number + 1)) }

  func issue(_ numbers: Range<Int>) throws {
    var batches = [numbers.map { Sample.record($0) }][...]
    let summary = try session.importRecords(
      issuer: issuer.storeID, assertsStatus: true, source: "simulation", at: clock.now(), next: { batches.popFirst() })
    revision = summary.revision.value
  }

  /// Acknowledged when it returns.
  func revoke(_ number: Int) throws {
    _ = try session.revoke(
      issuer: issuer.storeID, serial: Sample.serial(number), revocation: Sample.revocation(), isReasonGiven: true,
      isTimeGiven: true, at: clock.now())
    _ = try stepped.turn(of: .follower)
  }

  /// Every node's configuration says from now on that those hashes are signed ahead.
  func presign(_ algorithms: [HashAlgorithm]) throws {
    var settings = settings
    settings.policy.presignedAlgorithms = algorithms
    runtime.adopt(
      try IssuerDirectory.make([settings], session: session, now: clock.now(), after: runtime.directory))
    for edge in edges { try edge.adopt([settings]) }
  }

  /// The shared level may have lost something: nodes see their connections end, and come back.
  func disturb(_ lose: () -> Void) {
    for follower in followers { follower.isHeard(false, why: "the connection was closed") }
    lose()
    disturbance.grow()
    for follower in followers { follower.isHeard(true, why: nil) }
  }

  /// The shared level comes back empty, and with it what it knew of the origin.
  func flush() {
    disturb {
      shared.flush()
      registry.forget()
    }
  }

  /// One that has not led yet gives up where it meets another.
  var isLeading: Bool { if case .leading = origin.status { true } else { false } }

  /// Another origin, on a store of its own, gets in the way while nobody remembers the first one.
  func letRivalIn() {
    registry.forget()
    rival.turn()
  }

  /// Renews its lease where it is time for it.
  func keepRival() { rival.turn() }

  func sendRivalAway() {
    rival.release()
    registry.forget()
  }

  // MARK: - Turns

  @discardableResult
  func turn(_ random: inout SeededGenerator) throws -> Bool {
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<2:
      let part = SteppedRuntime.Part.allCases.randomElement(using: &random) ?? .follower
      return try stepped.turn(of: part)
    case 2..<4:
      if case .worked = try stepped.turn(ofPlace: 0) { return true }
      return false
    case 4..<6: return origin.turn()
    case 6..<9: return shared.turn { Int.random(in: 0..<$0, using: &random) }
    default: return shared.tellNext(edges.indices.randomElement(using: &random) ?? 0)
    }
  }

  /// Everybody takes turns until nobody has anything to do, twenty times with a second in between.
  func settle(eachSecond: () -> Void = {}) throws {
    for _ in 0..<20 {
      var isBusy = true
      while isBusy {
        isBusy = false
        for part in SteppedRuntime.Part.allCases where try stepped.turn(of: part) { isBusy = true }
        if case .worked = try stepped.turn(ofPlace: 0) { isBusy = true }
        if origin.turn() { isBusy = true }
        while shared.turn() { isBusy = true }
        for edge in edges.indices { while shared.tellNext(edge) { isBusy = true } }
      }
      clock.advance(nanoseconds: 1_000_000_000)
      for edge in edges { edge.sweepOverdue() }
      eachSecond()
    }
  }

  // MARK: - Questions

  func key(_ number: Int, _ algorithm: HashAlgorithm = .sha1) -> ResponseKey {
    ResponseKey(issuer: IssuerIndex(0), hashAlgorithm: algorithm, serial: Sample.serial(number))
  }

  /// Asks as the HTTP side does: memory first, where it may be trusted.
  func ask(_ number: Int, _ algorithm: HashAlgorithm = .sha1, edge: Int) -> Waiter {
    let waiter = Waiter()
    let source = edges[edge]
    if !source.cache.isDoubted, let held = source.cache.answer(key(number, algorithm), now: clock.now()) {
      waiter.receive(.answer(held))
    } else {
      source.ask(.cached(key(number, algorithm)), receiver: waiter)
    }
    return waiter
  }

  func askOrigin(_ number: Int) -> Waiter {
    let waiter = Waiter()
    if let held = runtime.cache.answer(key(number), now: clock.now()) {
      waiter.receive(.answer(held))
    } else if runtime.mayBeIssued(key(number), by: issuer) {
      runtime.ask(.cached(key(number)), receiver: waiter)
    } else {
      waiter.receive(.unauthorized)
    }
    return waiter
  }

  /// What an outcome says, in a word; nil while there is none.
  func words(_ waiter: Waiter, _ directory: IssuerDirectory) throws -> String? {
    switch waiter.outcome {
    case nil: return nil
    case .answer(let answer)?:
      let octets = answer.prefix + directory.credentials[answer.credential].suffix
      switch try #require(try ReceivedResponse(octets).basic?.responses.first).status {
      case .good: return "good"
      case .revoked: return "revoked"
      case .unknown: return "unknown"
      }
    case .unauthorized?: return "unauthorized"
    case .tryLater?: return "tryLater"
    case .live?: return "live"
    }
  }
}
