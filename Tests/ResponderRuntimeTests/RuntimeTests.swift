import CalendarTime
import EventLoop
import OCSP
import Responder
import SQLiteStore
import Synchronization
import TestSupport
import Testing

@testable import ResponderRuntime

/// The runtime's threads over the fake store and signer.
@Suite("Responder runtime", .serialized)
struct RuntimeTests {
  /// Waits for one outcome.
  final class Receiver: OutcomeReceiver {
    private let outcomes = Mutex<[QuestionOutcome]>([])
    private let arrived = GrowingValue()

    func receive(_ outcome: QuestionOutcome) {
      let count = outcomes.withLock { outcomes in
        outcomes.append(outcome)
        return outcomes.count
      }
      arrived.raise(to: UInt64(count))
    }

    func wait() -> QuestionOutcome? {
      _ = arrived.wait(for: 1, milliseconds: 20_000)
      return outcomes.withLock { $0.count == 1 ? $0[0] : nil }
    }
  }

  struct SilentLog: RuntimeLog {
    func info(_ message: String) {}
    func warning(_ message: String) {}
  }

  struct World {
    let store = MemoryStore()
    let signer = FakeSigner()
    let clock = ManualClock(Sample.start)
    let runtime: ResponderRuntime
    let storeID: StoreIssuerID
    let policy: IssuerPolicy

    init(
      policy: IssuerPolicy = IssuerPolicy(), records: [CertificateRecord], queueLimit: Int = 1000,
      deadlineMilliseconds: Int64 = 20_000
    ) throws {
      self.policy = policy
      let session = try store.openSession()
      let directory = try IssuerDirectory.make(
        [Sample.settings(keys: [signer], policy: policy)], session: session, now: Sample.start)
      storeID = directory.issuers.issuers[0].storeID
      var batches = [records][...]
      _ = try session.importRecords(
        issuer: storeID, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
      var limits = ResponderRuntime.Limits()
      limits.queueLimit = queueLimit
      limits.deadlineMilliseconds = deadlineMilliseconds
      runtime = ResponderRuntime(
        directory: directory, store: store, cacheBytes: 4 << 20, seed: 1, limits: limits, clock: clock,
        hasher: FakeHasher(), log: SilentLog())
    }

    /// What another process would make of the same configuration.
    func newDirectory(keys: [any Signer]? = nil, credential: SigningCredential? = nil) throws -> IssuerDirectory {
      try IssuerDirectory.make(
        [Sample.settings(keys: keys ?? [signer], policy: policy, credential: credential)],
        session: try store.openSession(), now: clock.now())
    }

    func key(_ number: Int, _ hash: HashAlgorithm = .sha1) -> ResponseKey {
      ResponseKey(issuer: IssuerIndex(0), hashAlgorithm: hash, serial: Sample.serial(number))
    }

    func revoke(_ number: Int) throws -> Revision {
      let outcome = try store.openSession().revoke(
        issuer: storeID, serial: Sample.serial(number), revocation: Sample.revocation(), isReasonGiven: true,
        isTimeGiven: true, at: Sample.start)
      guard case .revoked(let revision) = outcome else { throw StoreError(kind: .misuse, description: "\(outcome)") }
      return revision
    }

    func start() throws {
      try runtime.start()
      #expect(runtime.waitUntilStarted(milliseconds: 20_000))
    }

    func ask(_ number: Int, _ hash: HashAlgorithm = .sha1) -> QuestionOutcome? {
      let receiver = Receiver()
      runtime.ask(.cached(key(number, hash)), receiver: receiver)
      return receiver.wait()
    }

    /// What an answer says, read from its octets.
    func status(_ answer: Answer) throws -> CertificateStatus {
      let octets = answer.prefix + runtime.directory.credentials[answer.credential].suffix
      return try #require(try ReceivedResponse(octets).basic?.responses.first).status
    }

    func cachedStatus(_ number: Int, _ hash: HashAlgorithm = .sha1) throws -> CertificateStatus? {
      var octets = [UInt8](repeating: 0, count: 8192)
      var span = octets.mutableSpan
      guard let head = runtime.cache.copy(key(number, hash), now: clock.now(), into: &span) else { return nil }
      let whole = Array(octets[..<head.prefixCount]) + runtime.directory.credentials[head.credential].suffix
      return try #require(try ReceivedResponse(whole).basic?.responses.first).status
    }
  }

  @Test("at the start every certificate's answer is signed ahead; a second start loads them all")
  func presigning() throws {
    let world = try World(
      records: (1...50).map { Sample.record($0, revocation: $0 % 5 == 0 ? Sample.revocation() : nil) })
    try world.start()
    for number in 1...50 {
      let expected: CertificateStatus = number % 5 == 0 ? .revoked(Sample.revocation()) : .good
      #expect(try world.cachedStatus(number) == expected)
    }
    #expect(world.signer.count == 50)
    world.runtime.stop()
    let again = ResponderRuntime(
      directory: try world.newDirectory(), store: world.store, cacheBytes: 4 << 20, seed: 2, limits: .init(),
      clock: world.clock, hasher: FakeHasher(), log: SilentLog())
    try again.start()
    #expect(again.waitUntilStarted(milliseconds: 20_000))
    #expect(again.counters.loaded.current == 50)
    #expect(world.signer.count == 50)
    again.stop()
  }

  @Test("a hash that is not signed ahead is signed on demand, once for all who ask")
  func coalescing() throws {
    let world = try World(records: [Sample.record(1)])
    try world.start()
    defer { world.runtime.stop() }
    let gate = GrowingValue()
    world.signer.beforeSigning { _ = gate.wait(for: 1, milliseconds: 20_000) }
    let before = world.signer.count
    let receivers = (0..<20).map { _ in Receiver() }
    for receiver in receivers { world.runtime.ask(.cached(world.key(1, .sha256)), receiver: receiver) }
    gate.raise(to: 1)
    for receiver in receivers {
      guard case .answer(let answer)? = receiver.wait() else {
        Issue.record("no answer")
        return
      }
      #expect(answer.key == world.key(1, .sha256), "invariant 5")
    }
    #expect(world.signer.count == before + 1)
  }

  @Test("invariant 1: a slow refresh that signed good loses to a revocation")
  func slowRefresh() throws {
    let world = try World(records: [Sample.record(1)])
    try world.start()
    defer { world.runtime.stop() }
    let isSigning = GrowingValue()
    let gate = GrowingValue()
    world.signer.beforeSigning {
      isSigning.raise(to: 1)
      _ = gate.wait(for: 1, milliseconds: 20_000)
    }
    let receiver = Receiver()
    world.runtime.ask(.cached(world.key(1, .sha256)), receiver: receiver)
    #expect(isSigning.wait(for: 1, milliseconds: 20_000))
    // "good" is being signed; now the certificate is revoked, and that is acknowledged.
    let revision = try world.revoke(1)
    #expect(world.runtime.waitUntilApplied(revision, milliseconds: 20_000))
    #expect(try world.cachedStatus(1) != .good)
    gate.raise(to: 1)
    guard case .answer(let answer)? = receiver.wait() else {
      Issue.record("no answer")
      return
    }
    #expect(try world.status(answer) == .revoked(Sample.revocation()))
    #expect(try world.cachedStatus(1, .sha256) == .revoked(Sample.revocation()))
  }

  @Test("invariant 2: once a revision is applied, no cache holds an older answer")
  func acknowledged() throws {
    let world = try World(records: (1...200).map { Sample.record($0) })
    try world.start()
    defer { world.runtime.stop() }
    for number in 1...200 {
      let revision = try world.revoke(number)
      #expect(world.runtime.waitUntilApplied(revision, milliseconds: 20_000))
      if let status = try world.cachedStatus(number) { #expect(status != .good) }
    }
  }

  @Test("a live answer that a revocation overtakes is signed again")
  func overtakenLive() throws {
    let world = try World(records: [Sample.record(1), Sample.record(2)])
    try world.start()
    defer { world.runtime.stop() }
    let issuer = world.runtime.issuers.issuers[0]
    let certIDs = [1, 2].compactMap { issuer.certID(Sample.serial($0), .sha1) }
    let der = OCSPRequest.encoded(certIDs: certIDs, nonce: [7, 7])
    let isSigning = GrowingValue()
    let gate = GrowingValue()
    world.signer.beforeSigning {
      isSigning.raise(to: 1)
      _ = gate.wait(for: 1, milliseconds: 20_000)
    }
    let receiver = Receiver()
    world.runtime.ask(world.runtime.issuers.question(try OCSPRequest(der.span), der: der.span), receiver: receiver)
    #expect(isSigning.wait(for: 1, milliseconds: 20_000))
    #expect(world.runtime.waitUntilApplied(try world.revoke(2), milliseconds: 20_000))
    gate.raise(to: 1)
    guard case .live(let octets, _)? = receiver.wait() else {
      Issue.record("no answer")
      return
    }
    let basic = try #require(try ReceivedResponse(octets).basic)
    #expect(basic.responses.map(\.status) == [.good, .revoked(Sample.revocation())])
    #expect(
      basic.responses.map(\.encodedCertID) == certIDs.map { $0.encoded() }, "invariant 5: every question, in order")
    #expect(basic.nonce == OCSPRequest.wrapped([7, 7]))
  }

  @Test("invariant 8: questions about unissued serials cost no signature")
  func unissued() throws {
    let world = try World(records: [Sample.record(1)])
    try world.start()
    defer { world.runtime.stop() }
    let before = world.signer.count
    for number in 1000..<1200 {
      #expect(!world.runtime.mayBeIssued(world.key(number), by: world.runtime.issuers.issuers[0]))
      guard case .unauthorized? = world.ask(number) else {
        Issue.record("answered for a serial that nobody issued")
        return
      }
    }
    #expect(world.signer.count == before)
    #expect(world.runtime.mayBeIssued(world.key(1), by: world.runtime.issuers.issuers[0]))
  }

  @Test("invariant 7: over the bound questions are told tryLater, and all is as before afterwards")
  func overload() throws {
    let world = try World(records: (1...400).map { Sample.record($0) }, queueLimit: 20)
    try world.start()
    defer { world.runtime.stop() }
    let gate = GrowingValue()
    world.signer.beforeSigning { _ = gate.wait(for: 1, milliseconds: 20_000) }
    let receivers = (1...400).map { number -> Receiver in
      let receiver = Receiver()
      world.runtime.ask(.cached(world.key(number, .sha256)), receiver: receiver)
      return receiver
    }
    let refused = world.runtime.counters.refused.current
    #expect(refused >= 370)
    gate.raise(to: 1)
    var (answered, later) = (0, 0)
    for receiver in receivers {
      switch receiver.wait() {
      case .answer: answered += 1
      case .tryLater: later += 1
      default: Issue.record("neither answered nor told to come later")
      }
    }
    #expect(later == Int(refused) && answered == 400 - later)
    guard case .answer? = world.ask(399, .sha512) else {
      Issue.record("not as before")
      return
    }
  }

  @Test("a question that nobody answers in time is told tryLater")
  func deadline() throws {
    let world = try World(records: [Sample.record(1)], deadlineMilliseconds: 50)
    try world.start()
    let gate = GrowingValue()
    world.signer.beforeSigning { _ = gate.wait(for: 1, milliseconds: 20_000) }
    guard case .tryLater? = world.ask(1, .sha256) else {
      Issue.record("left hanging")
      return
    }
    gate.raise(to: 1)
    world.runtime.stop()
  }

  @Test("a failing store is told tryLater for what is not in memory, and serves what is")
  func failingStore() throws {
    let world = try World(records: [Sample.record(1)])
    try world.start()
    defer { world.runtime.stop() }
    world.store.fail(with: StoreError(kind: .busy, description: "locked"))
    guard case .tryLater? = world.ask(1, .sha256) else {
      Issue.record("answered without a store")
      return
    }
    #expect(try world.cachedStatus(1) == .good)
    world.store.fail(with: nil)
    guard case .answer? = world.ask(1, .sha256) else {
      Issue.record("not healed")
      return
    }
  }

  @Test("a store that cannot be read at the start is read as soon as it can")
  func storeFailsAtStart() throws {
    let world = try World(records: (1...10).map { Sample.record($0) })
    // Sessions open, and the first scan fails.
    let failing = FailingScanStore(store: world.store)
    let runtime = ResponderRuntime(
      directory: try world.newDirectory(), store: failing, cacheBytes: 4 << 20, seed: 3, limits: .init(),
      clock: world.clock,
      hasher: FakeHasher(), log: SilentLog())
    try runtime.start()
    defer { runtime.stop() }
    #expect(runtime.waitUntilStarted(milliseconds: 20_000))
    #expect(failing.failures == 1)
    #expect(runtime.certificatesAtStart == 10 && runtime.counters.presigned.current == 10)
  }

  @Test("waiting for a revision that nobody has made ends, and real ones are still applied at once")
  func bogusRevision() throws {
    let world = try World(records: [Sample.record(1)])
    try world.start()
    defer { world.runtime.stop() }
    #expect(!world.runtime.waitUntilApplied(Revision(1_000_000), milliseconds: 50))
    #expect(world.runtime.waitUntilApplied(try world.revoke(1), milliseconds: 20_000))
    #expect(try world.cachedStatus(1) != .good)
  }

  @Test("a failing signer is told tryLater, and is tried again")
  func failingSigner() throws {
    let world = try World(records: [Sample.record(1)])
    try world.start()
    defer { world.runtime.stop() }
    world.signer.beforeSigning { () throws(SigningError) in throw SigningError("broken") }
    guard case .tryLater? = world.ask(1, .sha256) else {
      Issue.record("answered without a signer")
      return
    }
    world.signer.beforeSigning(nil)
    guard case .answer? = world.ask(1, .sha256) else {
      Issue.record("not healed")
      return
    }
  }

  @Test("answers are renewed at their planned age, before they end")
  func refresh() throws {
    let world = try World(records: (1...10).map { Sample.record($0) })
    try world.start()
    defer { world.runtime.stop() }
    world.clock.advance(seconds: 37 * 3600)
    let renewed = { world.runtime.counters.refreshes.current }
    let patience = MonotonicTime.now().advanced(byMilliseconds: 20_000)
    while renewed() < 10, MonotonicTime.now() < patience { _ = world.runtime.closing.wait(for: 1, milliseconds: 20) }
    #expect(renewed() == 10)
    for number in 1...10 {
      #expect(world.runtime.cache.peek(world.key(number))?.times.producedAt == world.clock.now())
    }
  }
}
