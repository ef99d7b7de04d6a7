import CalendarTime
import EventLoop
import Metrics
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
      clock: world.clock, hasher: FakeHasher(), log: RecordingLog())
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
      hasher: FakeHasher(), log: RecordingLog())
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
