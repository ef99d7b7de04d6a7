import CalendarTime
import OCSP
import Responder
import SQLiteStore
import Synchronization
import TestSupport
import Testing

@testable import Feeds

@Suite("The intake of events", .timeLimit(.minutes(2)))
struct EventIntakeTests {
  /// Counts what it is asked to wait for, and says that it is applied once it may.
  private final class Applier: AppliedRevisions {
    var appliedRevision: Revision { .zero }

    let mayApply = Mutex(true)
    let refusal = Mutex<String?>(nil)
    let asked = Mutex<[Revision]>([])

    func waitUntilApplied(_ revision: Revision, milliseconds: Int64) -> Bool {
      asked.withLock { $0.append(revision) }
      return mayApply.withLock { $0 }
    }
  }

  private struct World {
    let store: any StatusStore
    let issuer: StoreIssuerID
    let applier = Applier()
    let intake: EventIntake

    init(_ store: any StatusStore, _ limits: EventIntake.Limits = .init()) throws {
      self.store = store
      issuer = try store.openSession().issuer(name: "one", identity: [1])
      intake = EventIntake(
        store: store, applied: applier, clock: ManualClock(Sample.start), limits: limits,
        refusal: { [applier] in applier.refusal.withLock { $0 } })
    }

    func message(_ id: String, _ numbers: [Int], issuer other: StoreIssuerID? = nil) -> StatusMessage {
      StatusMessage(
        id: id, digest: ResponseDigest(octets: [UInt8](repeating: 1, count: 32)), issuer: other ?? issuer,
        statement: .revoked(numbers.map { Sample.record($0, revocation: Sample.revocation()) }))
    }

    func send(_ message: StatusMessage) async throws -> EventIntake.Result {
      try await withCheckedThrowingContinuation { continuation in
        do {
          try intake.submit(message) { continuation.resume(returning: $0) }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }

  private func receipt(_ result: EventIntake.Result) -> MessageReceipt? {
    if case .settled(.taken(let receipt)) = result { receipt } else { nil }
  }

  @Test("what is acknowledged is in the store, and was applied")
  func acknowledged() async throws {
    try await TemporaryFolder.useAsync { folder in
      let world = try World(SQLiteStore(path: folder + "/store.sqlite"))
      try world.intake.start()
      let receipt = try #require(receipt(try await world.send(world.message("a", [1, 2]))))
      #expect(receipt.changed == 2)
      #expect(world.applier.asked.withLock { $0 } == [receipt.revision])
      #expect(try world.store.openSession().counts(issuer: world.issuer) == (2, 2))
      if case .settled(.repeated(receipt)) = try await world.send(world.message("a", [1, 2])) {
      } else {
        Issue.record("a repeated message is known")
      }
      world.intake.stop()
      await #expect(throws: EventIntake.Refusal.stopping) { try await world.send(world.message("b", [3])) }
    }
  }

  @Test("many at once share commits, and each has its own answer")
  func groups() async throws {
    try await TemporaryFolder.useAsync { folder in
      let world = try World(SQLiteStore(path: folder + "/store.sqlite"))
      // Before anybody takes them: they come in together.
      async let results = withTaskGroup(of: MessageReceipt?.self) { group in
        for number in 1...200 {
          group.addTask { (try? await world.send(world.message("\(number)", [number]))).flatMap(receipt) }
        }
        return await group.reduce(into: [MessageReceipt?]()) { $0.append($1) }
      }
      while world.intake.backlog.messages < 200 { await Task.yield() }
      try world.intake.start()
      let receipts = await results
      #expect(receipts.allSatisfy { $0?.changed == 1 })
      #expect(Set(receipts.compactMap { $0?.revision }).count == 200)
      #expect(world.intake.counters.commits.current == 1)
      world.intake.stop()
    }
  }

  @Test("where it is not applied in time the sender is told to come again, though it is durable")
  func notApplied() async throws {
    let world = try World(MemoryStore())
    try world.intake.start()
    world.applier.mayApply.withLock { $0 = false }
    guard case .notApplied = try await world.send(world.message("a", [1])) else {
      Issue.record("nobody has applied it")
      return
    }
    world.applier.mayApply.withLock { $0 = true }
    guard case .settled(.repeated(let receipt)) = try await world.send(world.message("a", [1])) else {
      Issue.record("it was taken before")
      return
    }
    #expect(receipt.changed == 1)
    world.intake.stop()
  }

  @Test("a store that fails takes nothing, and is tried with the next message")
  func failing() async throws {
    let store = MemoryStore()
    let world = try World(store)
    try world.intake.start()
    store.fail(with: StoreError(kind: .full, description: "the disk is full"))
    guard case .failed("the disk is full") = try await world.send(world.message("a", [1])) else {
      Issue.record("the store has failed")
      return
    }
    store.fail(with: nil)
    #expect(receipt(try await world.send(world.message("a", [1]))) != nil)
    world.intake.stop()
  }

  @Test("a node that may not take anything takes nothing, and acknowledges nothing that it has taken before")
  func refused() async throws {
    let world = try World(MemoryStore())
    try world.intake.start()
    world.applier.refusal.withLock { $0 = "another node is the origin" }
    guard case .failed("another node is the origin") = try await world.send(world.message("a", [1])) else {
      Issue.record("it is not the origin")
      return
    }
    #expect(try world.store.openSession().counts(issuer: world.issuer) == (0, 0))
    world.applier.refusal.withLock { $0 = nil }
    #expect(receipt(try await world.send(world.message("a", [1]))) != nil)
    world.intake.stop()
  }

  @Test("what waits has bounds, of messages, of certificates and of each issuer")
  func bounds() throws {
    var limits = EventIntake.Limits()
    limits.messages = 4
    limits.certificates = 10
    limits.messagesOfAnIssuer = 2
    limits.certificatesOfAnIssuer = 8
    func submit(_ world: World, _ id: String, _ count: Int, _ issuer: StoreIssuerID? = nil) -> EventIntake.Refusal? {
      do throws(EventIntake.Refusal) {
        try world.intake.submit(world.message(id, Array(0..<count), issuer: issuer)) { _ in }
        return nil
      } catch {
        return error
      }
    }
    // Larger than all that may wait, and alone: it could never come in else.
    let large = try World(MemoryStore(), limits)
    #expect(submit(large, "a", 11) == nil)
    #expect(submit(large, "b", 1) == .full)
    let world = try World(MemoryStore(), limits)
    let other = try world.store.openSession().issuer(name: "two", identity: [2])
    #expect(submit(world, "a", 1) == nil && submit(world, "b", 1) == nil)
    #expect(submit(world, "c", 1) == .tooManyOfTheIssuer)
    #expect(submit(world, "d", 9, other) == .full)
    #expect(submit(world, "e", 1, other) == nil && submit(world, "f", 1, other) == nil)
    #expect(submit(world, "g", 1, other) == .full)
    let flooded = try World(MemoryStore(), limits)
    let quiet = try flooded.store.openSession().issuer(name: "two", identity: [2])
    #expect(submit(flooded, "a", 5) == nil)
    #expect(submit(flooded, "b", 4) == .tooManyOfTheIssuer)
    #expect(submit(flooded, "c", 4, quiet) == nil)
    #expect(world.intake.counters.refused.current == 3)
    #expect(world.intake.backlog == (4, 4))
  }

  @Test("what waits when it is stopped is taken in first")
  func stopping() async throws {
    let world = try World(MemoryStore())
    let settled = Mutex(0)
    for number in 0..<50 {
      try world.intake.submit(world.message("\(number)", [number])) { result in
        if case .settled(.taken) = result { settled.withLock { $0 += 1 } }
      }
    }
    try world.intake.start()
    world.intake.stop()
    #expect(settled.withLock { $0 } == 50)
  }
}
