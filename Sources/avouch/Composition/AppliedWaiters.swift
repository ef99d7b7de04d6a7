import EventLoop
import HTTPServer
import Responder
import Synchronization

/// Control requests that wait until the caches have seen a revision, answered by one thread whatever their number.
///
/// The thread starts with the object, and so with the program: what a client asks never needs a new one, which the system
/// could refuse. Any thread may call `add`.
final class AppliedWaiters: Sendable {
  private static let maximumWaiters = 64
  /// How long a wait may be, and is where nothing else is asked for.
  static let maximumSeconds: Int64 = 10
  private static let stepMilliseconds: Int64 = 50
  private let runtime: any AppliedRevisions
  private let completions: CompletionQueue
  private let list = Mutex(List())
  /// How many have come so far: wakes the thread.
  private let arrived = GrowingValue()

  private struct Waiter {
    var revision: Revision
    var connection: ConnectionID
    var minorVersion: UInt8
    var seconds: Int64
    var deadline: MonotonicTime
  }

  private struct List {
    var waiters: [Waiter] = []
    var arrivals: UInt64 = 0
  }

  init(_ runtime: any AppliedRevisions, completions: CompletionQueue) {
    self.runtime = runtime
    self.completions = completions
    _ = NamedThread(name: "applied", isDetached: true) { self.run() }
  }

  /// Has the connection answered 200 when the revision is applied, or 504 after that many seconds.
  ///
  /// False where as many wait as may: then it will not be answered.
  func add(_ revision: Revision, _ connection: ConnectionID, minorVersion: UInt8, seconds: Int64) -> Bool {
    let deadline = MonotonicTime.now().advanced(byMilliseconds: seconds * 1000)
    let arrivals: UInt64? = list.withLock { list in
      guard list.waiters.count < AppliedWaiters.maximumWaiters else { return nil }
      list.waiters.append(
        Waiter(
          revision: revision, connection: connection, minorVersion: minorVersion, seconds: seconds, deadline: deadline))
      list.arrivals += 1
      return list.arrivals
    }
    guard let arrivals else { return false }
    arrived.raise(to: arrivals)
    return true
  }

  private func run() -> Never {
    while true {
      // Before the look at the list: who comes after it is not slept through.
      let arrivals = arrived.current
      let applied = runtime.appliedRevision
      let hasWaiters = answer(upTo: applied)
      if hasWaiters {
        // One step and no further: to announce a revision that a client made up would keep the follower looking for it.
        _ = runtime.waitUntilApplied(
          Revision(applied.value + 1), milliseconds: AppliedWaiters.stepMilliseconds)
      } else {
        _ = arrived.wait(for: arrivals + 1, milliseconds: 60_000)
      }
    }
  }

  /// Answers those whose revision is applied or whose time is over; gives whether others are left.
  private func answer(upTo applied: Revision) -> Bool {
    let now = MonotonicTime.now()
    let (ended, hasOthers) = list.withLock { list -> ([Waiter], Bool) in
      let ended = list.waiters.filter { $0.revision <= applied || $0.deadline <= now }
      list.waiters.removeAll { $0.revision <= applied || $0.deadline <= now }
      return (ended, !list.waiters.isEmpty)
    }
    for waiter in ended {
      let answer: ControlAnswer =
        waiter.revision <= applied ? .plain(200, "applied\n") : .plain(504, "not applied within \(waiter.seconds) s\n")
      completions.complete(waiter.connection) { turn, keepsAlive, response in
        answer.write(
          isHead: false, keepsAlive: keepsAlive, minorVersion: waiter.minorVersion, turn: turn, to: &response)
      }
    }
    return hasOthers
  }
}
