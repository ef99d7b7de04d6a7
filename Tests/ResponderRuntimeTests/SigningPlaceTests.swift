import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder
import Synchronization
import TestSupport
import Testing

@testable import ResponderRuntime

/// What becomes of questions, renewals and revocations when the place that signs has its troubles.
@Suite("Places that sign", .serialized)
struct SigningPlaceTests {
  private static func token(_ name: String, deadline: Int64? = nil, threads: Int = 2) -> FakeSigner {
    FakeSigner(place: SigningPlace(name: name, threads: threads, callDeadlineMilliseconds: deadline))
  }

  private static func broken(_ signer: FakeSigner, _ scope: SigningError.Scope = .token) {
    signer.beforeSigning { () throws(SigningError) in throw SigningError("it is broken", scope: scope) }
  }

  private func isAnswer(_ outcome: QuestionOutcome?) -> Bool {
    if case .answer? = outcome { true } else { false }
  }

  private func isTryLater(_ outcome: QuestionOutcome?) -> Bool {
    if case .tryLater? = outcome { true } else { false }
  }

  @Test("while a token is down what is in memory is served, the rest comes later; revocations go first when it is back")
  func outage() throws {
    let signer = SigningPlaceTests.token("token")
    let world = try World(records: (1...20).map { Sample.record($0) }, keys: [signer])
    try world.start()
    defer { world.runtime.stop() }
    SigningPlaceTests.broken(signer)
    #expect(comesTrue { isTryLater(world.ask(1, .sha256)) && !world.runtime.placeReports[0].isSigning })
    #expect(try world.cachedStatus(2) == .good)
    #expect(world.runtime.signingTroubles.contains { $0.contains("token has not signed") && $0.contains("broken") })
    // Nothing signs: nobody is made to wait for the deadline.
    #expect(isTryLater(world.ask(3, .sha256)))
    #expect(world.runtime.counters.unsignable.current > 0)
    // A revocation takes effect all the same, and is the first thing to be signed.
    let revision = try world.revoke(7)
    #expect(world.runtime.waitUntilApplied(revision, milliseconds: 20_000))
    #expect(try world.cachedStatus(7) == nil)
    signer.beforeSigning(nil)
    #expect(try comesTrue { try world.cachedStatus(7) == .revoked(Sample.revocation()) })
    #expect(world.log.has("token signs again"))
    #expect(isAnswer(world.ask(3, .sha256)))
  }

  @Test("a call that never returns costs one thread, is told, and its question is answered by another")
  func hang() throws {
    let signer = SigningPlaceTests.token("token", deadline: 100, threads: 1)
    let world = try World(records: [Sample.record(1), Sample.record(2)], keys: [signer])
    try world.start()
    let gate = GrowingValue()
    let hasHung = Atomic<Bool>(false)
    signer.beforeSigning {
      if !hasHung.exchange(true, ordering: .relaxed) { _ = gate.wait(for: 1, milliseconds: 20_000) }
    }
    #expect(isAnswer(world.ask(1, .sha256)))
    #expect(world.runtime.counters.lostThreads.current == 1)
    #expect(world.runtime.placeReports[0].lostThreads == 1 && world.log.has("did not return within 100 ms"))
    #expect(isAnswer(world.ask(2, .sha256)))
    gate.raise(to: 1)
    #expect(comesTrue { world.runtime.placeReports[0].lostThreads == 0 })
    #expect(isAnswer(world.ask(2, .sha384)))
    world.runtime.stop()
  }

  @Test("stopping does not wait for a call that never returns")
  func stopDuringHang() throws {
    let signer = SigningPlaceTests.token("token", deadline: 100)
    let world = try World(records: [Sample.record(1)], keys: [signer])
    try world.start()
    let gate = GrowingValue()
    let isSigning = GrowingValue()
    signer.beforeSigning {
      isSigning.raise(to: 1)
      _ = gate.wait(for: 1, milliseconds: 60_000)
    }
    world.runtime.ask(.cached(world.key(1, .sha256)), receiver: Receiver())
    #expect(isSigning.wait(for: 1, milliseconds: 20_000))
    world.runtime.stop()
    gate.raise(to: 1)
  }

  @Test("with two tokens one takes over from the other, which comes back after a trial")
  func failover() throws {
    let (one, two) = (SigningPlaceTests.token("one"), SigningPlaceTests.token("two"))
    let world = try World(records: (1...30).map { Sample.record($0) }, keys: [one, two])
    try world.start()
    defer { world.runtime.stop() }
    SigningPlaceTests.broken(one)
    for number in 1...20 { #expect(isAnswer(world.ask(number, .sha256))) }
    #expect(comesTrue { !world.runtime.placeReports[0].isSigning } || one.count > 0)
    one.beforeSigning(nil)
    SigningPlaceTests.broken(two)
    for number in 21...30 {
      #expect(comesTrue { isAnswer(world.ask(number, .sha384)) })
    }
  }

  @Test("what the configuration has to mend is tried once, told, and tried again after the next reading")
  func misconfigured() throws {
    let signer = SigningPlaceTests.token("token")
    let world = try World(records: [Sample.record(1)], keys: [signer])
    try world.start()
    defer { world.runtime.stop() }
    let tries = Atomic<Int>(0)
    signer.beforeSigning { () throws(SigningError) in
      tries.wrappingAdd(1, ordering: .relaxed)
      throw SigningError("the PIN is wrong", scope: .configuration)
    }
    for _ in 0..<20 { #expect(isTryLater(world.ask(1, .sha256))) }
    #expect(tries.load(ordering: .relaxed) <= 2, "threads that were at it already may have tried too")
    #expect(world.runtime.signingTroubles.contains { $0.contains("the PIN is wrong") })
    signer.beforeSigning(nil)
    #expect(isTryLater(world.ask(1, .sha256)))
    let next = try IssuerDirectory.make(
      [Sample.settings(keys: [signer])], session: try world.store.openSession(), now: world.clock.now(),
      after: world.runtime.directory)
    world.runtime.adopt(next)
    #expect(isAnswer(world.ask(1, .sha256)))
  }

  @Test("a failed trial is one failure of its place, whatever is at fault")
  func failedTrial() throws {
    let signer = SigningPlaceTests.token("token", deadline: 5000)
    SigningPlaceTests.broken(signer, .signature)
    let world = try World(records: [], keys: [signer])
    let worker = SigningWorker(
      runtime: world.runtime, session: try world.store.openSession(), place: 0, number: 0, state: WorkerState())
    for _ in 0..<2 {
      worker.perform(.trial(IssuerIndex(0)))
      #expect(world.runtime.placeReports[0].isSigning)
    }
    worker.perform(.trial(IssuerIndex(0)))
    #expect(!world.runtime.placeReports[0].isSigning)
  }

  @Test("a place whose threads are all in calls that never return signs for nobody, until one comes back")
  func noThreadLeft() throws {
    let world = try World(records: [], keys: [SigningPlaceTests.token("token", deadline: 5000, threads: 2)])
    let queue = world.runtime.queue
    for _ in 0..<WorkQueue.lostThreadLimit { _ = queue.threadLost(place: 0) }
    #expect(queue.canSign(IssuerIndex(0)), "one of two is left")
    _ = queue.threadLost(place: 0)
    #expect(!queue.canSign(IssuerIndex(0)) && !queue.condition(place: 0).isSigning)
    queue.threadCameBack(place: 0)
    #expect(queue.canSign(IssuerIndex(0)) && queue.condition(place: 0).isSigning)
  }

  @Test("nothing is signed for an asker that is gone")
  func gone() throws {
    let world = try World(records: (1...50).map { Sample.record($0) })
    try world.start()
    defer { world.runtime.stop() }
    let gate = GrowingValue()
    world.signer.beforeSigning { _ = gate.wait(for: 1, milliseconds: 20_000) }
    let before = world.signer.count
    let receivers = (1...50).map { number -> Receiver in
      let receiver = Receiver()
      world.runtime.ask(.cached(world.key(number, .sha256)), receiver: receiver)
      return receiver
    }
    for receiver in receivers { receiver.leave() }
    gate.raise(to: 1)
    #expect(comesTrue { world.runtime.counters.abandoned.current >= 48 })
    #expect(world.signer.count - before <= 2)
    #expect(isAnswer(world.ask(1, .sha384)))
  }

  @Test("a token with fewer sessions than threads is no broken token: the threads that have one do the work")
  func fewSessions() throws {
    let signer = CrowdedSigner(threads: 4, sessions: 1)
    let world = try World(records: (1...300).map { Sample.record($0) }, keys: [signer])
    try world.start()
    defer { world.runtime.stop() }
    for number in 1...40 { #expect(isAnswer(world.ask(number, .sha256))) }
    #expect(world.runtime.placeReports[0].isSigning && world.runtime.counters.signingFailures.current == 0)
    #expect(world.log.has("no session left"))
  }

  @Test("a token that has no session at all has failed, and is tried again")
  func noSession() throws {
    let signer = CrowdedSigner(threads: 2, sessions: 0)
    let world = try World(records: [Sample.record(1)], keys: [signer])
    try world.runtime.start()
    defer { world.runtime.stop() }
    #expect(comesTrue { !world.runtime.placeReports[0].isSigning })
    signer.allow(1)
    #expect(comesTrue { isAnswer(world.ask(1, .sha256)) })
  }

  @Test("a token that cannot sign is told of before anybody needs it")
  func toldEarly() throws {
    let signer = SigningPlaceTests.token("token", deadline: 5000)
    let first = try World(records: [Sample.record(1)])
    try first.start()
    let (store, storeID) = (first.store, first.storeID)
    #expect(try comesTrue { try store.openSession().renewals(issuer: storeID, until: .endOfTime) == 1 })
    first.runtime.stop()
    // Everything is in the store: nothing has to be signed for days.
    SigningPlaceTests.broken(signer)
    let runtime = ResponderRuntime(
      directory: try first.newDirectory(keys: [signer]), store: store, cacheBytes: 4 << 20, seed: 2, limits: .init(),
      clock: first.clock, hasher: FakeHasher(), log: RecordingLog())
    try runtime.start()
    defer { runtime.stop() }
    #expect(comesTrue { runtime.signingTroubles.contains { $0.contains("token has not signed") } })
    #expect(runtime.unservedIssuers.isEmpty, "what is stored is served")
    signer.beforeSigning(nil)
    #expect(comesTrue { runtime.signingTroubles.isEmpty })
  }

  @Test("an issuer without answers, for which nothing signs, is named with the reason")
  func unserved() throws {
    let signer = SigningPlaceTests.token("token", deadline: 5000)
    SigningPlaceTests.broken(signer)
    let world = try World(records: [Sample.record(1)], keys: [signer])
    try world.runtime.start()
    defer { world.runtime.stop() }
    #expect(comesTrue { world.runtime.unservedIssuers.first?.contains("it is broken") ?? false })
    #expect(!world.runtime.isStartupFinished, "a node that answers for nobody is not ready")
    signer.beforeSigning(nil)
    #expect(comesTrue { world.runtime.unservedIssuers.isEmpty && world.runtime.isStartupFinished })
  }
}

/// A token that has only so many sessions.
private final class CrowdedSigner: Signer {
  let place: SigningPlace
  var signatureAlgorithm: [UInt8] { inner.signatureAlgorithm }
  private let inner = FakeSigner()
  private let free: Mutex<Int>

  init(threads: Int, sessions: Int) {
    place = SigningPlace(name: "crowded", threads: threads)
    free = Mutex(sessions)
  }

  func allow(_ sessions: Int) { free.withLock { $0 += sessions } }

  func openSession() throws(SigningError) -> any SigningSession {
    let isTaken = free.withLock { free in
      guard free > 0 else { return false }
      free -= 1
      return true
    }
    guard isTaken else { throw SigningError("no session left", scope: .thread) }
    return Session(self, try inner.openSession())
  }

  private final class Session: SigningSession {
    private let signer: CrowdedSigner
    private let inner: any SigningSession

    init(_ signer: CrowdedSigner, _ inner: any SigningSession) {
      self.signer = signer
      self.inner = inner
    }

    deinit { signer.allow(1) }

    func sign(_ tbsResponseData: [UInt8]) throws(SigningError) -> [UInt8] { try inner.sign(tbsResponseData) }
  }
}
