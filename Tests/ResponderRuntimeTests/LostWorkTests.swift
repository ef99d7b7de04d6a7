import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder
import Synchronization
import TestSupport
import Testing

@testable import ResponderRuntime

/// Work that a hung call, a full disk or a wrong clock must not lose.
@Suite("Lost work", .serialized)
struct LostWorkTests {
  @Test("a question that hangs between renewals costs none of them")
  func nestedHang() throws {
    let signer = Neighbours.signer("token", threads: 1, deadline: 200)
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [100])
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(100)
    let count = Atomic<Int>(0)
    let isArmed = Atomic<Bool>(false)
    let (never, isInBulk, goOn) = (GrowingValue(), GrowingValue(), GrowingValue())
    signer.beforeSigning {
      if count.add(1, ordering: .relaxed).newValue == 10 {
        isInBulk.raise(to: 1)
        _ = goOn.wait(for: 1, milliseconds: 150)
      } else if isArmed.exchange(false, ordering: .relaxed) {
        _ = never.wait(for: 1, milliseconds: 60_000)
      }
    }
    world.clock.advance(seconds: 40 * 3600)
    #expect(isInBulk.wait(for: 1, milliseconds: 20_000))
    isArmed.store(true, ordering: .relaxed)
    let receiver = world.send(0, 1, .sha384)
    goOn.raise(to: 1)
    if case .answer? = receiver.wait() {} else { Issue.record("no answer") }
    #expect(comesTrue { world.fresh(100) == 100 })
    never.raise(to: 1)
  }

  @Test(
    "a call of the first signing that never returns keeps neither the start from ending nor answers from being kept")
  func presignHang() throws {
    let signer = Neighbours.signer("token", threads: 1, deadline: 200)
    let count = Atomic<Int>(0)
    let never = GrowingValue()
    signer.beforeSigning {
      if count.add(1, ordering: .relaxed).newValue == 30 { _ = never.wait(for: 1, milliseconds: 60_000) }
    }
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [100])
    try world.start()
    defer { world.runtime.stop() }
    #expect(world.issuer(0).progress.presigning == 0)
    try world.waitUntilKept(100)
    world.clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { world.fresh(100) == 100 })
    never.raise(to: 1)
  }

  @Test("closing a session may hang like any other call: it costs a thread, and stopping does not wait for it")
  func closingHangs() throws {
    let (one, two) = (
      Neighbours.signer("token", threads: 1, deadline: 100), Neighbours.signer("token", threads: 1, deadline: 100)
    )
    let world = try Neighbours(
      [Sample.settings("one", keys: [one]), Sample.settings("two", keys: [two])], counts: [5, 5])
    try world.start()
    let never = GrowingValue()
    two.whileClosing { _ = never.wait(for: 1, milliseconds: 60_000) }
    Neighbours.fail(one)
    Neighbours.fail(two)
    for _ in 0..<4 { _ = world.send(0, 1, .sha384).wait() }
    #expect(comesTrue { world.runtime.counters.lostThreads.current > 0 })
    one.beforeSigning(nil)
    two.beforeSigning(nil)
    #expect(comesTrue { world.isAnswered(0, 2, .sha384) })
    one.whileClosing { _ = never.wait(for: 1, milliseconds: 60_000) }
    world.runtime.stop()
    never.raise(to: 1)
  }

  @Test("whoever waits is told, though a change overtakes the first signature and the second hangs")
  func overtakenAndHung() throws {
    let signer = Neighbours.signer("token", threads: 1, deadline: 200)
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [5])
    try world.start()
    defer { world.runtime.stop() }
    let count = Atomic<Int>(0)
    let never = GrowingValue()
    let (runtime, store, storeID) = (world.runtime, world.store, world.issuer(0).storeID)
    signer.beforeSigning {
      switch count.add(1, ordering: .relaxed).newValue {
      case 1:
        let outcome = try? store.openSession().revoke(
          issuer: storeID, serial: Sample.serial(1), revocation: Sample.revocation(), isReasonGiven: true,
          isTimeGiven: true, at: Sample.start)
        if case .revoked(let revision)? = outcome { _ = runtime.waitUntilApplied(revision, milliseconds: 150) }
      case 2: _ = never.wait(for: 1, milliseconds: 60_000)
      default: break
      }
    }
    #expect(world.isAnswered(0, 1, .sha384))
    never.raise(to: 1)
  }

  @Test("renewals that wait while something else changes are signed once")
  func signedOnce() throws {
    let signer = Neighbours.signer("token", threads: 1)
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [1000])
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(1000)
    let before = signer.count
    let gate = GrowingValue()
    signer.beforeSigning { _ = gate.wait(for: 1, milliseconds: 20_000) }
    world.clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { world.runtime.signingBacklog.renewals >= 15 })
    try world.importMore(2001...2200, issuer: world.issuer(0).storeID)
    #expect(world.runtime.waitUntilApplied(try world.session.latestRevision(), milliseconds: 20_000))
    gate.raise(to: 1)
    #expect(
      comesTrue {
        world.fresh(1000) == 1000 && (2001...2200).allSatisfy { world.runtime.cache.peek(world.key(0, $0)) != nil }
      })
    // The one under way when it changed may have been signed in vain.
    #expect(signer.count - before <= 1210)
  }

  @Test("answers that could not be kept for a while are kept, and renewed")
  func diskFull() throws {
    let signer = Neighbours.signer("software")
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [50])
    world.store.failSaving(true)
    try world.start()
    defer { world.runtime.stop() }
    #expect(comesTrue { world.runtime.counters.storeFailures.current > 0 })
    world.store.failSaving(false)
    try world.waitUntilKept(50)
    world.clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { world.fresh(50) == 50 })
  }

  @Test("answers made by a clock that was ahead are made anew once it is put right")
  func clockAhead() throws {
    let world = try Neighbours([Sample.settings("one", keys: [Neighbours.signer("software")])], counts: [50])
    try world.start()
    defer { world.runtime.stop() }
    world.clock.advance(seconds: 48 * 3600)
    #expect(comesTrue { world.fresh(50) == 50 })
    world.clock.advance(seconds: -48 * 3600)
    #expect(try comesTrue { try (1...50).allSatisfy { try world.status(0, $0) == .good } })
    #expect(world.log.has("the clock was"))
  }

  @Test("a clock that is ahead by months for a moment makes nobody forget a certificate")
  func clockFarAhead() throws {
    let world = try Neighbours([Sample.settings("one", keys: [Neighbours.signer("software")])], counts: [50])
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(50)
    world.clock.advance(seconds: 100 * 86_400)
    #expect(comesTrue { world.log.has("the clock was set") })
    // Long enough for a look at what is due.
    let pause = GrowingValue()
    _ = pause.wait(for: 1, milliseconds: 1200)
    world.clock.advance(seconds: -100 * 86_400)
    #expect(try world.session.renewals(issuer: world.issuer(0).storeID, until: .endOfTime) == 50)
    world.clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { world.fresh(50) == 50 })
  }

  @Test("a thread that rests twice for want of a session is counted once")
  func resting() throws {
    let signer = Neighbours.signer("token", threads: 3)
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [600])
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(600)
    let refusals = Atomic<Int>(0)
    let count = Atomic<Int>(0)
    let (isInBulk, goOn) = (GrowingValue(), GrowingValue())
    signer.beforeSigning { () throws(SigningError) in
      if count.add(1, ordering: .relaxed).newValue == 5 {
        isInBulk.raise(to: 1)
        _ = goOn.wait(for: 1, milliseconds: 20_000)
      }
      if refusals.load(ordering: .relaxed) > 0, refusals.subtract(1, ordering: .relaxed).newValue >= 0 {
        throw SigningError("none left", scope: .thread)
      }
    }
    world.clock.advance(seconds: 40 * 3600)
    #expect(isInBulk.wait(for: 1, milliseconds: 20_000))
    refusals.store(2, ordering: .relaxed)
    for number in 1...4 { _ = world.send(0, number, .sha384) }
    goOn.raise(to: 1)
    #expect(comesTrue { world.fresh(600) == 600 })
    #expect(world.runtime.queue.condition(place: 0).restingThreads <= 2)
    #expect(world.runtime.placeReports[0].isSigning)
  }

  @Test("once a token was seen to make a false signature, those that nobody verified are found and replaced")
  func falseSignatures() throws {
    let signer = Neighbours.signer("token", threads: 1)
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [100])
    let count = Atomic<Int>(0)
    signer.beforeSigning { signer.signFalsely(count.add(1, ordering: .relaxed).newValue.isMultiple(of: 4)) }
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(100)
    func isFalse(_ number: Int) throws -> Bool {
      guard let answer = world.runtime.cache.answer(world.key(0, number), now: world.clock.now()) else { return false }
      let octets = answer.prefix + world.runtime.directory.credentials[answer.credential].suffix
      let basic = try #require(try ReceivedResponse(octets).basic)
      return !signer.isGenuine(basic.signature, over: basic.tbsResponseData)
    }
    #expect(try (1...100).count { try isFalse($0) } == 25)
    // The one in a hundred that is verified.
    signer.signFalsely(false)
    signer.beforeSigning { () throws(SigningError) in
      throw SigningError("the token returned a signature that does not verify", scope: .token, isFalseSignature: true)
    }
    _ = world.send(0, 1, .sha384).wait()
    signer.beforeSigning(nil)
    #expect(
      try comesTrue {
        try (1...100).allSatisfy { try !isFalse($0) && world.status(0, $0) == .good }
      })
    #expect(world.runtime.counters.falseAnswers.current == 25 && world.runtime.counters.falseSignatures.current >= 1)
  }
}
