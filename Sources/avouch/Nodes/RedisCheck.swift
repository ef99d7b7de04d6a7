import Configuration
import EventLoop
import RedisCache
import RedisClient
import Synchronization

/// Whether Redis lets a node in and does what it needs, for `config check`. What is
/// written is gone again.
struct RedisCheck {
  private static let deadlineMilliseconds = 3000
  private let client: RedisClient
  private let settings: Configuration.Redis
  private let lines: LastLine
  private let isEdge: Bool

  init(_ settings: Configuration.Redis, _ configuration: LoadedConfiguration) throws {
    self.settings = settings
    isEdge = configuration.value.isEdge
    let lines = LastLine()
    self.lines = lines
    client = try RedisClient(try RedisSettings(settings, configuration)) { lines.set($0) }
    for warning in RedisSettings.exposures(settings, configuration) { Terminal.printError("warning: \(warning)") }
    if settings.takesOver {
      Terminal.printError("warning: redis.takeOver is for one start; take it out again")
    }
  }

  /// What the client said last: it knows more than that there was no reply in time.
  private final class LastLine: Sendable {
    private let line = Mutex<String?>(nil)
    var value: String? { line.withLock { $0 } }
    func set(_ text: String) { line.withLock { $0 = text } }
  }

  /// - Returns: what there is.
  /// - Throws: why it cannot be used.
  func run() throws -> String {
    try client.start()
    defer { client.stop() }
    let info = try ask(RedisCommand(words: ["INFO", "memory"].map { Array($0.utf8) })).text ?? ""
    if let fault = RedisSharedCache.evictionFault(info) { Terminal.printError("warning: redis: \(fault)") }
    for command in RedisProbe.commands(isEdge: isEdge) {
      do {
        _ = try ask(command)
      } catch {
        throw CommandFailure.no("\(error); the user may lack a command: docs/fleet.md has the ACL line")
      }
    }
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
    switch result {
    case .success(let value): return value
    case .failure(let failure):
      let more = lines.value.map { "; \($0)" } ?? ""
      throw CommandFailure.no("\(failure)\(more)")
    }
  }
}
