import LoadReport
import Synchronization

/// Where a load stands, for a person who waits.
public struct LoadProgress: Sendable {
  /// Since the begin of the measured time; negative before.
  public var elapsedSeconds: Double
  public var measuredSeconds: Double
  public var answered: UInt64
  public var failed: UInt64
  /// Answered in the last whole second; 0 in the first one.
  public var lastSecond: UInt64
  /// Of the last whole second.
  public var p99Nanoseconds: Int64
}

/// Gathers what the threads of a load hand over while it runs: the seconds, and what is shown meanwhile.
final class Collector: Sendable {
  private struct State {
    /// Seconds that threads may still add to, by their number.
    var pending: [Int: Tally.Slice] = [:]
    var finished: [Second] = []
    var answered: UInt64 = 0
    var failed: UInt64 = 0
  }

  private let state = Mutex(State())
  private let lastSecond: Int

  /// - Parameter seconds: of the measured time, a begun one included.
  init(seconds: Int) {
    lastSecond = max(0, seconds - 1)
  }

  /// - Parameter second: of the measured time; what comes behind its end belongs to its last one.
  func add(_ slice: borrowing Tally.Slice, second: Int) {
    guard !slice.isEmpty else { return }
    let latency = slice.latency
    let failed = slice.failed
    state.withLock { state in
      // A thread that comes late adds to the oldest second that is still open.
      let second = max(min(second, lastSecond), state.finished.count)
      state.pending[second, default: Tally.Slice()].latency.merge(latency)
      state.pending[second]?.failed += failed
      state.answered += latency.count
      state.failed += failed
      while state.finished.count < second - 2 { Collector.finishOldest(&state) }
    }
  }

  private static func finishOldest(_ state: inout State) {
    let slice = state.pending.removeValue(forKey: state.finished.count) ?? Tally.Slice()
    state.finished.append(Second(latency: slice.latency, failed: slice.failed))
  }

  /// All seconds, to be called when the threads have ended.
  ///
  /// - Parameter count: how many there were, where the run was ended early.
  func seconds(count: Int) -> [Second] {
    state.withLock { state in
      while state.finished.count < min(count, lastSecond + 1) || !state.pending.isEmpty {
        Collector.finishOldest(&state)
      }
      return state.finished
    }
  }

  func progress(elapsedSeconds: Double, measuredSeconds: Double) -> LoadProgress {
    state.withLock { state in
      let last = Int(elapsedSeconds.rounded(.down)) - 1
      let slice = state.pending[last]
      return LoadProgress(
        elapsedSeconds: elapsedSeconds, measuredSeconds: measuredSeconds, answered: state.answered,
        failed: state.failed, lastSecond: slice?.latency.count ?? 0, p99Nanoseconds: slice?.latency.quantile(0.99) ?? 0)
    }
  }
}
