import CalendarTime
import EventLoop
import OCSP
import RedisClient
import RedisTestSupport
import Responder
import SQLiteStore
import Synchronization
import TestSupport
import Testing

@testable import Feeds

@Suite("Events of a stream", .timeLimit(.minutes(2)))
struct StreamSubscriberTests {
  private final class Applier: AppliedRevisions {
    var appliedRevision: Revision { .zero }

    func waitUntilApplied(_ revision: Revision, milliseconds: Int64) -> Bool { true }
  }

  /// A Redis of its own, and a node that reads events from it.
  private final class World: Sendable {
    let server: RedisServer
    let client: RedisClient
    let store = MemoryStore()
    let issuer: StoreIssuerID
    let intake: EventIntake
    let subscriber: StreamSubscriber
    let log = EventRecord()
    let mayRead = Mutex(true)

    init(_ server: RedisServer, consumer: String = "one", tries: Int = 3, replyOctets: Int = 16 << 20) throws {
      self.server = server
      var settings = RedisSettings(.standalone(server.address))
      settings.times.longestPause = 100
      settings.bounds.replyOctets = replyOctets
      client = try RedisClient(settings) { _ in }
      issuer = try store.openSession().issuer(name: "one", identity: [1])
      intake = EventIntake(store: store, applied: Applier(), clock: SystemTestClock())
      var options = StreamSubscriber.Options(stream: "events", group: "avouch", consumer: consumer)
      options.tries = tries
      options.retryMilliseconds = 50
      let subject = EventSubject(name: "one", storeID: issuer, begins: UnixTime(seconds: 0)) { _ in nil }
      let held = Held()
      subscriber = StreamSubscriber(
        client, intake, options, clock: SystemTestClock(), subjects: [subject],
        mayRead: { held.world?.mayRead.withLock { $0 } ?? true }, log: { [log] in log.add($0) })
      held.world = self
    }

    // The subscriber asks its world, which is made with it.
    private final class Held: @unchecked Sendable {
      weak var world: World?
    }

    func start() throws {
      try client.start()
      try intake.start()
      subscriber.start()
    }

    func stop() {
      subscriber.stop()
      intake.stop()
      client.stop()
    }

    @discardableResult
    func ask(_ words: String...) async throws -> RedisValue {
      try await withCheckedThrowingContinuation { continuation in
        client.perform(RedisCommand(words: words.map { Array($0.utf8) }), deadlineMilliseconds: 10_000) {
          continuation.resume(with: $0)
        }
      }
    }

    func add(_ serial: String, id: String? = nil, payload: String? = nil) async throws {
      let payload =
        payload
        ?? #"{"type":"certificate.issued","timestamp":"2025-10-09T08:00:00Z","data":{"issuer":"one","serial":"\#(serial)"}}"#
      if let id {
        try await ask("XADD", "events", "*", "id", id, "payload", payload)
      } else {
        try await ask("XADD", "events", "*", "payload", payload)
      }
    }

    var certificates: Int {
      get throws { try store.openSession().counts(issuer: issuer).certificates }
    }

    func pending() async throws -> Int64? {
      try await ask("XPENDING", "events", "avouch").elements?.first?.integer
    }

    func wait(_ isTrue: () async throws -> Bool) async throws {
      while try await !isTrue() { await Task.yield() }
    }
  }

  @Test("what was written before the first start, and after it, is taken and acknowledged")
  func taken() async throws {
    let world = try World(await RedisServer())
    try world.client.start()
    for number in 1...20 { try await world.add("0\(number)") }
    try world.intake.start()
    world.subscriber.start()
    try await world.wait { try world.certificates == 20 }
    for number in 21...40 { try await world.add("0\(number)") }
    try await world.wait { try world.certificates == 40 }
    try await world.wait { try await world.pending() == 0 }
    #expect(world.subscriber.counters.taken.current == 40)
    world.stop()
  }

  @Test("the same event again changes nothing, whoever writes it twice")
  func twice() async throws {
    let world = try World(await RedisServer())
    try world.start()
    try await world.add("01", id: "a")
    try await world.add("01", id: "a")
    // Another one under the same name.
    try await world.add("02", id: "a")
    try await world.add("03", id: "b")
    try await world.wait { try world.certificates == 2 }
    try await world.wait { try await world.ask("XLEN", "events:dead").integer == 1 }
    try await world.wait { try await world.pending() == 0 }
    #expect(try world.certificates == 2)
    world.stop()
  }

  @Test("an entry that can never be taken is put away after some tries, with the reason, and holds up no other")
  func poison() async throws {
    let world = try World(await RedisServer())
    try world.start()
    try await world.add("", payload: "no JSON")
    try await world.add(
      "",
      payload:
        #"{"type":"certificate.released","timestamp":"2025-10-09T08:00:00Z","data":{"issuer":"one","serial":"99"}}"#)
    try await world.add(
      "",
      payload:
        #"{"type":"certificate.issued","timestamp":"2025-10-09T08:00:00Z","data":{"issuer":"two","serial":"99"}}"#)
    try await world.ask("XADD", "events", "*", "other", "field")
    try await world.add("01")
    try await world.wait { try world.certificates == 1 }
    try await world.wait { try await world.ask("XLEN", "events:dead").integer == 4 }
    try await world.wait { try await world.pending() == 0 }
    let dead = try await world.ask("XRANGE", "events:dead", "-", "+").elements ?? []
    let reasons = Set(dead.compactMap { $0.elements?[1].elements?[1].text })
    #expect(reasons.contains { $0.hasPrefix("this is no JSON") })
    #expect(
      reasons.contains("certificate 0099 cannot be released: it was never issued, as far as this responder was told")
        || reasons.contains { $0.contains("never issued") })
    #expect(reasons.contains { $0.contains("may not speak for an issuer 'two'") })
    #expect(reasons.contains("the entry has no field 'payload'"))
    #expect(world.subscriber.counters.refused.current == 8 && world.subscriber.counters.dead.current == 4)
    world.stop()
  }

  @Test("what a consumer that is gone has left is claimed")
  func claimed() async throws {
    let world = try World(await RedisServer())
    try world.client.start()
    for number in 1...30 { try await world.add("0\(number)") }
    try await world.ask("XGROUP", "CREATE", "events", "avouch", "0")
    let read = try await world.ask("XREADGROUP", "GROUP", "avouch", "gone", "COUNT", "30", "STREAMS", "events", ">")
    #expect(StreamEntry.read(read, isOfStreams: true).count == 30)
    try world.intake.start()
    world.subscriber.start()
    try await world.wait { try world.certificates == 30 }
    try await world.wait { try await world.pending() == 0 }
    #expect(world.subscriber.counters.claimed.current == 30)
    world.stop()
  }

  @Test("a store that fails costs no entry, however often it is tried")
  func storeFails() async throws {
    let world = try World(await RedisServer(), tries: 1)
    try world.start()
    world.store.fail(with: StoreError(kind: .full, description: "the disk is full"))
    try await world.add("01")
    try await world.wait { world.subscriber.counters.postponed.current >= 3 }
    world.store.fail(with: nil)
    try await world.wait { try world.certificates == 1 }
    try await world.wait { try await world.pending() == 0 }
    #expect(world.subscriber.counters.dead.current == 0)
    world.stop()
  }

  @Test("Redis that dies, comes back empty, and hangs: events are read on by themselves")
  func redisFails() async throws {
    let world = try World(await RedisServer())
    try world.start()
    try await world.add("01")
    try await world.wait { try world.certificates == 1 }
    await world.server.kill()
    await world.log.wait { $0.hasPrefix("events cannot be read from the stream 'events'") }
    #expect(world.subscriber.failure != nil)
    await world.server.startAgain()
    try await world.wait { (try? await world.add("02")) != nil }
    try await world.wait { try world.certificates == 2 }
    #expect(world.subscriber.failure == nil)
    world.stop()
  }

  @Test("entries that are too long to be read together are read one by one, and one that is too long alone is put away")
  func long() async throws {
    let world = try World(await RedisServer(), replyOctets: 100_000)
    try world.client.start()
    func long(_ serial: String, _ octets: Int) async throws {
      try await world.add(serial)
      let filling = String(repeating: " ", count: octets)
      try await world.add(
        serial,
        payload: filling
          + #"{"type":"certificate.issued","timestamp":"2025-10-09T08:00:00Z","data":{"issuer":"one","serial":"1\#(serial)"}}"#
      )
    }
    for number in 10...13 { try await long("\(number)", 40_000) }
    try await long("14", 200_000)
    try await world.add("0F")
    try world.intake.start()
    world.subscriber.start()
    try await world.wait { try world.certificates == 10 }
    // The connection ends now and then, which is what this is about.
    try await world.wait { (try? await world.ask("XLEN", "events:dead").integer) == 1 }
    try await world.wait { (try? await world.pending()) == 0 }
    try await world.wait { (try? await world.add("0A")) != nil }
    try await world.wait { try world.certificates == 11 && world.subscriber.failure == nil }
    world.stop()
  }

  @Test("a node that is not the origin reads nothing")
  func suspended() async throws {
    let world = try World(await RedisServer())
    world.mayRead.withLock { $0 = false }
    try world.start()
    try await world.add("01")
    // As long as the pause takes some times over, by the server's own count of it.
    try await world.wait {
      try await world.ask("INFO", "commandstats").text?.contains("cmdstat_xread:calls=4") == true
    }
    #expect(try world.certificates == 0)
    world.mayRead.withLock { $0 = true }
    try await world.wait { try world.certificates == 1 }
    world.stop()
  }
}

/// The machine's own time.
private struct SystemTestClock: Clock {
  func now() -> UnixTime { UnixTime(seconds: 1_760_000_000) }
  func monotonicNanoseconds() -> Int64 { MonotonicTime.now().nanoseconds }
}
