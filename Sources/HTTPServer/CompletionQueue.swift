import EventLoop
public import HTTP1
import Synchronization

/// Brings answers that were put off back to the worker that owes them. Any thread may complete.
public final class CompletionQueue: Sendable {
  /// Writes the answer, on the worker's thread.
  public typealias Completion = @Sendable (_ turn: Turn, _ keepsAlive: Bool, inout ResponseBuffer) -> Void

  struct Entry: Sendable {
    var connection: ConnectionID
    var write: Completion
  }

  let wakeUp: EventCounter
  // Bounded by the connections: each has at most one answer put off.
  private let waiting = Mutex<[Entry]>([])

  init() throws(SystemCallError) {
    wakeUp = try EventCounter()
  }

  /// To be called once for each request that was put off. Where the connection is gone by then, nothing is written.
  public func complete(_ connection: ConnectionID, _ write: @escaping Completion) {
    let isFirst = waiting.withLock { waiting in
      waiting.append(Entry(connection: connection, write: write))
      return waiting.count == 1
    }
    if isFirst { wakeUp.signal() }
  }

  func takeAll() -> [Entry] {
    waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
  }
}
