import LoadReport

/// What kept a run from more.
enum RunLimit {
  /// Of the time of one thread; with more the thread itself is what is measured.
  static let busyShare = 0.9
  /// Of sends, in nanoseconds, at the 99th percentile.
  static let latenessNanoseconds: Int64 = 2_000_000
  /// Of the plan, answered.
  static let reachedShare = 0.99

  /// Of the plan, failed for other reasons than lack of time: more of them, and a rate says nothing.
  static let faultyShare = 0.01

  private static let queueingFactor: Int64 = 3

  /// - Parameter busiest: processor time of the busiest thread, in seconds.
  static func limit(of run: LoadRun, busiest: Double) -> Limit {
    if Double(run.faults) > faultyShare * Double(run.planned) { return .failures }
    let share = run.seconds > 0 ? busiest / run.seconds : 0
    if share > busyShare {
      return .client(
        "a thread of the load was busy \(Int(share * 100)) % of the time: give it more with --threads, or ask less of it"
      )
    }
    let late = run.lateness.quantile(0.99)
    if late > latenessNanoseconds {
      return .client(
        "one send in a hundred was \(late / 1_000_000) ms late or more: the load did not get the processor when it needed it"
      )
    }
    guard let planned = run.plannedPerSecond else {
      // Where requests queue they take a multiple of what one alone takes; else the way or the few connections decide.
      return run.service.quantile(0.5) > queueingFactor * run.service.minimum ? .server : .none
    }
    let isReached = run.finePerSecond >= reachedShare * planned
    return isReached ? .rate : .server
  }
}
