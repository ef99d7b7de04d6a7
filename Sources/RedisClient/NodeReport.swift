public import EventLoop
import Synchronization

/// A node as the client sees it, for metrics and status pages.
public struct NodeReport: Sendable, Hashable {
  public enum Role: String, Sendable, Hashable {
    case master, replica, sentinel
  }

  public enum State: String, Sendable, Hashable {
    /// For the first time: commands wait.
    case connecting
    case ready
    /// Commands fail at once. The client goes on trying.
    case down
  }

  public var address: RedisAddress
  public var role: Role
  public var state: State
  /// When it came into this state.
  public var since: MonotonicTime
  /// Written to it, those of the client itself not counted.
  public var commands: UInt64
  /// Replies that were errors and that callers got.
  public var serverErrors: UInt64
  /// Commands that failed because there was no connection, or none any more.
  public var failures: UInt64
  /// Commands without reply at their deadline.
  public var deadlines: UInt64
  /// Connections after the first one.
  public var reconnects: UInt64
  /// Why it was down last; nil where it never was.
  public var lastFailure: String?
}

/// The numbers of one node: written by the client's thread, read by any.
final class NodeStatistics: Sendable {
  let address: RedisAddress
  let commands = Atomic<UInt64>(0)
  let serverErrors = Atomic<UInt64>(0)
  let failures = Atomic<UInt64>(0)
  let deadlines = Atomic<UInt64>(0)
  let reconnects = Atomic<UInt64>(0)

  private struct Situation {
    var role: NodeReport.Role
    var state = NodeReport.State.connecting
    var since = MonotonicTime.now()
    var lastFailure: String?
  }

  private let situation: Mutex<Situation>

  init(_ address: RedisAddress, role: NodeReport.Role) {
    self.address = address
    situation = Mutex(Situation(role: role))
  }

  func set(role: NodeReport.Role) {
    situation.withLock { $0.role = role }
  }

  /// True where that is a change.
  func set(state: NodeReport.State, why: String? = nil, now: MonotonicTime) -> Bool {
    situation.withLock { situation in
      if let why { situation.lastFailure = why }
      guard situation.state != state else { return false }
      situation.state = state
      situation.since = now
      return true
    }
  }

  var report: NodeReport {
    let situation = situation.withLock { $0 }
    return NodeReport(
      address: address, role: situation.role, state: situation.state, since: situation.since,
      commands: commands.load(ordering: .relaxed), serverErrors: serverErrors.load(ordering: .relaxed),
      failures: failures.load(ordering: .relaxed), deadlines: deadlines.load(ordering: .relaxed),
      reconnects: reconnects.load(ordering: .relaxed), lastFailure: situation.lastFailure)
  }
}

extension Atomic where Value == UInt64 {
  func increment(by count: UInt64 = 1) {
    add(count, ordering: .relaxed)
  }
}
