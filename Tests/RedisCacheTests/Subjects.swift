import CalendarTime
import EventLoop
import RedisCache
import RedisClient
import RedisTestSupport
import Responder
import ResponderRuntime
import Synchronization
import TestSupport
import Testing

@testable import OCSP

/// What one contract suite runs on: the fake, and Redis.
enum Kind: CaseIterable, Sendable {
  case memory
  case redis

  /// A shared level of the test's own, empty.
  func open(_ body: (any SharedCache, any OriginRegistry) async throws -> Void) async throws {
    switch self {
    case .memory: try await body(MemorySharedCache(), MemoryOriginRegistry(clock: SystemClock()))
    case .redis:
      let redis = try await OwnRedis()
      defer { redis.client.stop() }
      try await body(redis.cache, RedisOriginRegistry(redis.client))
    }
  }
}

/// A server, and a client that is connected to it.
struct OwnRedis {
  let server: RedisServer
  let client: RedisClient
  let cache: RedisSharedCache

  /// - Parameter silence: milliseconds after which a server that owes replies is down; nil for what it is by itself.
  init(_ arguments: [String] = [], silence: Int? = nil) async throws {
    server = await RedisServer(arguments)
    var settings = RedisSettings(.standalone(server.address))
    if let silence { settings.times.silence = silence }
    client = try RedisClient(settings) { _ in }
    try client.start()
    var options = RedisSharedCache.Options()
    // All the other tests run beside this one: a lookup that takes its time has not failed.
    options.lookupMilliseconds = 5000
    cache = RedisSharedCache(client, options: options, clock: SystemClock())
    try await OwnRedis.waitUntilReady(client)
  }

  /// Has the server do something that no node does.
  func set(_ words: [String]) async throws {
    _ = try await value { done in
      client.perform(RedisCommand(words: words.map { Array($0.utf8) }, key: nil), deadlineMilliseconds: 5000) {
        done($0)
      }
    }.get()
  }

  static func waitUntilReady(_ client: RedisClient) async throws {
    while true {
      let result = await value { done in
        client.perform(RedisCommand("PING"), deadlineMilliseconds: 2000) { done($0) }
      }
      if case .success = result { return }
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}

/// The one value that a completion is called with; a second call ends the process, as it should.
func value<Value: Sendable>(_ body: (@escaping @Sendable (Value) -> Void) -> Void) async -> Value {
  await withCheckedContinuation { continuation in body { continuation.resume(returning: $0) } }
}

/// Waits until something is so; false where it does not come about.
func comesTrue(_ isTrue: () async throws -> Bool) async rethrows -> Bool {
  let patience = MonotonicTime.now().advanced(byMilliseconds: 20_000)
  while MonotonicTime.now() < patience {
    if try await isTrue() { return true }
    try? await Task.sleep(for: .milliseconds(5))
  }
  return false
}

/// `#expect` does not take what throws through an existential.
func expect<Value: Equatable>(_ actual: Value, _ wanted: Value, at location: SourceLocation = #_sourceLocation) {
  #expect(actual == wanted, sourceLocation: location)
}

extension SharedCache {
  func fetch(_ key: SharedKey) async throws -> SharedLookup {
    try await value { fetch(key, completion: $0) }.get()
  }

  func store(
    _ frame: [UInt8], _ key: SharedKey, milliseconds: Int64 = 1_000_000, onlyOver: Bool = false
  ) async throws -> SharedWrite.Outcome {
    try await value {
      done in
      store([SharedFrame(octets: frame, key: key, milliseconds: milliseconds, onlyOver: onlyOver)]) { done($1) }
    }.get()
  }

  /// Many at once; outcomes in the order of the frames.
  func store(_ frames: [(octets: [UInt8], key: SharedKey)]) async throws -> [SharedWrite.Outcome] {
    let missing = Mutex(
      (
        count: frames.count,
        outcomes: [Result<SharedWrite.Outcome, SharedCacheError>?](
          repeating: nil, count: frames.count)
      ))
    let all = await value { done in
      store(frames.map { SharedFrame(octets: $0.octets, key: $0.key, milliseconds: 1_000_000) }) { place, result in
        let all = missing.withLock { missing in
          missing.outcomes[place] = result
          missing.count -= 1
          return missing.count == 0 ? missing.outcomes.compactMap(\.self) : nil
        }
        if let all { done(all) }
      }
    }
    return try all.map { try $0.get() }
  }

  func setComplete(_ issuer: SharedIssuerName, _ until: UnixTime?, isRenewal: Bool = false) async throws -> Bool {
    try await value {
      setComplete(issuer, until: until, hashes: [.sha1, .sha512], isRenewal: isRenewal, completion: $0)
    }.get()
  }

  func announce(_ entry: [UInt8]) async throws {
    try await value { announce(entry, completion: $0) }.get()
  }

  func newest() async throws -> [UInt8]? {
    try await value { newestAnnouncement(completion: $0) }.get()
  }
}

extension OriginRegistry {
  func claim(
    _ claim: OriginClaim, milliseconds: Int64 = 60_000, takesOver: Bool = false
  ) async throws -> OriginVerdict {
    try await value {
      self.claim(
        claim, milliseconds: milliseconds, takesOver: takesOver, now: UnixTime(seconds: 1_700_000_000), completion: $0)
    }.get()
  }

  /// A claim that must succeed, with a token beyond the one before.
  func lead(
    _ claim: OriginClaim, after before: FencingToken = FencingToken(0), milliseconds: Int64 = 60_000,
    takesOver: Bool = false
  ) async throws -> FencingToken {
    let verdict = try await self.claim(claim, milliseconds: milliseconds, takesOver: takesOver)
    guard case .leads(let token) = verdict else {
      Issue.record("\(verdict)")
      return before
    }
    #expect(token > before)
    return token
  }

  func renew(_ token: FencingToken, revision: UInt64, milliseconds: Int64 = 60_000) async throws -> Bool {
    try await value {
      renew(token, revision: Revision(revision), milliseconds: milliseconds, completion: $0)
    }.get()
  }

  func release(_ token: FencingToken, revision: UInt64) async throws -> Bool {
    try await value { release(token, revision: Revision(revision), completion: $0) }.get()
  }
}

/// Remembers what it heard.
final class Listener: UpdateReceiver {
  private struct Heard {
    var beginning: [UInt8]??
    var entries: [[UInt8]] = []
    var isHeard = false
    var why: String?
  }

  private let heard = Mutex(Heard())

  func begins(after newest: [UInt8]?) { heard.withLock { $0.beginning = .some(newest) } }
  func receive(_ entries: [[UInt8]]) { heard.withLock { $0.entries += entries } }
  func isHeard(_ isHeard: Bool, why: String?) {
    heard.withLock { heard in
      heard.isHeard = isHeard
      heard.why = why ?? heard.why
    }
  }

  /// Nil until it was told.
  var beginning: [UInt8]?? { heard.withLock { $0.beginning } }
  var entries: [[UInt8]] { heard.withLock { $0.entries } }
  var isHearing: Bool { heard.withLock { $0.isHeard } }
  var why: String? { heard.withLock { $0.why } }
}
