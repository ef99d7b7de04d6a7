import RedisClient
import RedisTestSupport
import Synchronization
import Testing

/// A client that is started, with its log, and calls that wait.
final class TestClient: Sendable {
  let client: RedisClient
  let log: EventRecord

  init(_ settings: RedisSettings) throws {
    let log = EventRecord()
    self.log = log
    client = try RedisClient(settings) { log.add($0) }
    try client.start()
  }

  convenience init(
    _ topology: RedisSettings.Topology, _ change: (inout RedisSettings) -> Void = { _ in }
  ) throws {
    var settings = RedisSettings(topology)
    // On a machine with more to do, half a second is soon over.
    settings.times.connecting = 10_000
    settings.times.silence = 10_000
    settings.times.lookAgain = 100
    settings.times.longestPause = 200
    change(&settings)
    try self.init(settings)
  }

  func send(_ command: RedisCommand, milliseconds: Int = 10_000) async -> Result<RedisValue, RedisFailure> {
    await withCheckedContinuation { continuation in
      client.perform(command, deadlineMilliseconds: milliseconds) { continuation.resume(returning: $0) }
    }
  }

  @discardableResult
  func get(_ command: RedisCommand, milliseconds: Int = 10_000) async throws -> RedisValue {
    try await send(command, milliseconds: milliseconds).get()
  }

  func failure(_ command: RedisCommand, milliseconds: Int = 10_000) async -> RedisFailure? {
    if case .failure(let failure) = await send(command, milliseconds: milliseconds) { failure } else { nil }
  }

  /// Commands that travel together, in one batch; of each, the first word of its arguments is taken for its key.
  func batch(_ commands: [RedisCommand], milliseconds: Int = 20_000) async -> [Result<RedisValue, RedisFailure>] {
    guard !commands.isEmpty else { return [] }
    var batch = client.batch(commands: commands.count, octets: 0)
    for command in commands { batch.append(command.words.span, keyAt: command.words.count > 1 ? 1 : 0) }
    let results = Mutex([Result<RedisValue, RedisFailure>?](repeating: nil, count: commands.count))
    return await withCheckedContinuation { continuation in
      client.perform(batch, deadlineMilliseconds: milliseconds) { place, result in
        let all = results.withLock { results -> [Result<RedisValue, RedisFailure>]? in
          precondition(results[place] == nil, "told twice")
          results[place] = result
          return results.contains { $0 == nil } ? nil : results.compactMap { $0 }
        }
        if let all { continuation.resume(returning: all) }
      }
    }
  }

  /// Until the node is connected.
  func waitConnected(_ address: RedisAddress, from position: Int = 0) async {
    await log.wait(for: "\(address): connected", from: position)
  }
}

extension RedisFailure.Reason {
  var isNotConnected: Bool { if case .notConnected = self { true } else { false } }

  var serverError: String? { if case .serverError(let text) = self { text } else { nil } }

  var why: String? { if case .notConnected(let why) = self { why } else { nil } }
}

extension RedisValue {
  static let ok = RedisValue.simple("OK")

  static func bulk(_ text: String) -> RedisValue { .bulk(Array(text.utf8)) }
}
