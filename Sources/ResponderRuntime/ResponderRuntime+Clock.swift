import CalendarTime
import Responder
import Synchronization

/// Whether the wall clock goes with the one that nobody sets.
struct ClockWatch {
  /// So far they may drift apart before it counts as having been set, in seconds.
  private static let tolerance: Int64 = 300
  /// After so many seconds a clock that was set is believed.
  private static let patience: Int64 = 60

  private var offset: Int64
  private var unsteadySince: Int64?

  init(_ clock: any Clock) {
    offset = ClockWatch.offset(clock)
  }

  private static func offset(_ clock: any Clock) -> Int64 {
    clock.now().seconds(since: UnixTime(seconds: 0)) - clock.monotonicNanoseconds() / 1_000_000_000
  }

  func isSteady(_ clock: any Clock) -> Bool {
    abs(ClockWatch.offset(clock) - offset) <= ClockWatch.tolerance
  }

  /// By how many seconds the clock was set, where that is news; also where it was put right again.
  mutating func look(_ clock: any Clock) -> Int64? {
    let difference = ClockWatch.offset(clock) - offset
    guard abs(difference) > ClockWatch.tolerance else {
      defer { unsteadySince = nil }
      return unsteadySince == nil ? nil : 0
    }
    let now = clock.monotonicNanoseconds() / 1_000_000_000
    guard let since = unsteadySince else {
      unsteadySince = now
      return difference
    }
    if now - since >= ClockWatch.patience { (offset, unsteadySince) = (offset + difference, nil) }
    return nil
  }
}

extension ResponderRuntime {
  /// False while the wall clock has been set by minutes a moment ago: nothing is thrown away by its word alone.
  var isClockSteady: Bool { clockWatch.withLock { $0.isSteady(clock) } }

  /// Looks whether somebody has set the clock: what was signed by a wrong one is sought and signed anew.
  func watchClock() {
    guard let seconds = clockWatch.withLock({ $0.look(clock) }) else { return }
    log.warning(
      seconds == 0
        ? "the clock was put right: answers made by the wrong one are signed anew"
        : "the clock was set by \(seconds) s to \(clock.now().iso8601): answers that are not valid by it are signed anew"
    )
    for issuer in issuers.issuers where !issuer.isRetired { issuer.progress.answersAreMissing() }
  }
}
