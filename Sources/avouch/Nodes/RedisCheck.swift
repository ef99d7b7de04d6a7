import Configuration
import EventLoop
import RedisCache
import RedisClient
import Synchronization

/// Whether Redis lets a node in and does what it needs, for `config check`. Nothing is written.
struct RedisCheck {
  private static let deadlineMilliseconds = 3000
  private let client: RedisClient
  private let settings: Configuration.Redis

  init(_ settings: Configuration.Redis, _ configuration: LoadedConfiguration) throws {
    self.settings = settings
    client = try RedisClient(try RedisSettings(settings, configuration)) { _ in }
  }

  /// - Returns: what there is.
  /// - Throws: why it cannot be used.
  func run() throws -> String {
    try client.start()
    defer { client.stop() }
    let info = try ask(RedisCommand(words: ["INFO", "memory"].map { Array($0.utf8) })).text ?? ""
    if let fault = RedisSharedCache.evictionFault(info) { Terminal.printError("warning: redis: \(fault)") }
    _ = try ask(RedisCommand("GET", "avouch:origin:check", keyAt: 1, isReadOnly: true))
    let masters = client.nodes.filter { $0.role == .master }.map { "\($0.address)" }.sorted()
    return "redis: \(settings.topology.rawValue), \(masters.joined(separator: ", "))"
  }

  private func ask(_ command: RedisCommand) throws -> RedisValue {
    let answer = Mutex<Result<RedisValue, RedisFailure>?>(nil)
    let isThere = GrowingValue()
    client.perform(command, deadlineMilliseconds: RedisCheck.deadlineMilliseconds) { result in
      answer.withLock { $0 = result }
      isThere.raise(to: 1)
    }
    _ = isThere.wait(for: 1, milliseconds: Int64(RedisCheck.deadlineMilliseconds) + 1000)
    guard let result = answer.withLock({ $0 }) else { throw CommandFailure.no("Redis: no answer") }
    return try result.get()
  }
}
