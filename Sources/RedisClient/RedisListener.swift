import EventLoop
import Synchronization

/// A command that blocks in the server, and how long that may take.
public struct RedisListenerCommand: Sendable {
  public var command: RedisCommand
  /// From sending it to its reply, in milliseconds: longer than the BLOCK of the command. Then the server counts as
  /// dead.
  public var answerWithinMilliseconds: Int

  public init(_ command: RedisCommand, answerWithinMilliseconds: Int) {
    self.command = command
    self.answerWithinMilliseconds = answerWithinMilliseconds
  }
}

/// A connection of its own for commands that block, one after another, for as long as its handler gives any.
///
/// It goes to the master (in a cluster, of the slot of the command's key), follows it, and comes back after failures
/// with growing pauses.
public final class RedisListener: Sendable {
  /// Gets the last reply (nil at first; a failure also for each attempt to connect that failed) and gives the next
  /// command, or nil to end. Called on the client's thread: it must not block. It is called with `stopped` when the
  /// client ends, or with `overloaded` at once where there are too many listeners; then what it gives is ignored.
  public typealias Handler = @Sendable (Result<RedisValue, RedisFailure>?) -> RedisListenerCommand?

  let handler: Handler
  private let wakeUp: EventCounter
  private let stopped = Atomic(false)

  init(_ handler: @escaping Handler, wakeUp: EventCounter) {
    self.handler = handler
    self.wakeUp = wakeUp
  }

  /// Ends it, also in the middle of a command. The handler may be called once more at the same moment, not later.
  public func stop() {
    stopped.store(true, ordering: .releasing)
    wakeUp.signal()
  }

  var isStopped: Bool { stopped.load(ordering: .acquiring) }
}
