import Synchronization

/// What one worker counts. Written by its thread, read by any.
final class WorkerCounters: Sendable {
  /// A number that one thread adds to and others read: no bus lock needed.
  struct Counter: ~Copyable, Sendable {
    private let value = Atomic<UInt64>(0)

    var current: UInt64 { value.load(ordering: .relaxed) }

    func add(_ amount: UInt64 = 1) {
      value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
  }

  let accepted = Counter()
  let closed = Counter()
  let requests = Counter()
  let refusedConnections = Counter()
  let protocolErrors = Counter()
  let timeouts = Counter()
  let droppedCompletions = Counter()
  let outOfDescriptors = Counter()
  let handshakes = Counter()
  let failedHandshakes = Counter()
}

/// The sums over all workers.
public struct ServerStatistics: Sendable, Hashable {
  public var acceptedConnections: UInt64 = 0
  public var openConnections: UInt64 = 0
  public var requests: UInt64 = 0
  /// Told 503 because of the bound on connections.
  public var refusedConnections: UInt64 = 0
  /// Requests answered with an error of HTTP itself.
  public var protocolErrors: UInt64 = 0
  /// Connections ended because the client was too slow or idle too long.
  public var timeouts: UInt64 = 0
  /// Answers that came when their client was gone.
  public var droppedCompletions: UInt64 = 0
  /// Times that the process had no descriptor left for a connection.
  public var outOfDescriptors: UInt64 = 0
  /// TLS handshakes that were done.
  public var handshakes: UInt64 = 0
  /// TLS handshakes that were not: the client refused or was refused, was too slow, went, or spoke something else. A
  /// connection on which nothing comes is none.
  public var failedHandshakes: UInt64 = 0

  init(_ workers: [WorkerCounters]) {
    for counters in workers {
      acceptedConnections += counters.accepted.current
      openConnections += counters.accepted.current - min(counters.accepted.current, counters.closed.current)
      requests += counters.requests.current
      refusedConnections += counters.refusedConnections.current
      protocolErrors += counters.protocolErrors.current
      timeouts += counters.timeouts.current
      droppedCompletions += counters.droppedCompletions.current
      outOfDescriptors += counters.outOfDescriptors.current
      handshakes += counters.handshakes.current
      failedHandshakes += counters.failedHandshakes.current
    }
  }
}
