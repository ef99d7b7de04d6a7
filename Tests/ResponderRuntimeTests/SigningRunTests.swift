import EventLoop
import OCSP
import Responder
import Synchronization
import TestSupport
import Testing

@testable import ResponderRuntime

/// Answers that are signed ahead are signed in runs and then finished together.
@Suite("Runs of signatures", .serialized)
struct SigningRunTests {
  @Test("a question is signed for before the run that it comes into is through")
  func question() throws {
    let signer = Neighbours.signer("key", threads: 1)
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [100])
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(100)
    let count = Atomic<Int>(0)
    let (runtime, key, receiver) = (world.runtime, world.key(0, 1, .sha384), Receiver())
    let isAnswered = Atomic<Bool>(false)
    let hasLooked = GrowingValue()
    signer.beforeSigning {
      switch count.add(1, ordering: .relaxed).newValue {
      case 3: runtime.ask(.cached(key), receiver: receiver)
      // The fourth is the question's.
      case 5:
        isAnswered.store(receiver.isTold, ordering: .relaxed)
        hasLooked.raise(to: 1)
      default: break
      }
    }
    world.clock.advance(seconds: 40 * 3600)
    #expect(hasLooked.wait(for: 1, milliseconds: 20_000))
    let wasAnswered = isAnswered.load(ordering: .relaxed)
    #expect(wasAnswered)
    #expect(comesTrue { world.fresh(100) == 100 })
  }

  @Test("where a signature fails in a run, those before it are kept, and none is made twice", arguments: [1, 3, 8])
  func failure(place: Int) throws {
    let signer = Neighbours.signer("key", threads: 1)
    let world = try Neighbours([Sample.settings("one", keys: [signer])], counts: [100])
    try world.start()
    defer { world.runtime.stop() }
    try world.waitUntilKept(100)
    let before = signer.count
    let count = Atomic<Int>(0)
    signer.beforeSigning { () throws(SigningError) in
      guard count.add(1, ordering: .relaxed).newValue == place else { return }
      throw SigningError("it is broken", scope: .token)
    }
    world.clock.advance(seconds: 40 * 3600)
    #expect(comesTrue { world.fresh(100) == 100 })
    #expect(signer.count - before == 100)
  }
}
