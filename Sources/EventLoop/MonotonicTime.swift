import Glibc

/// A point on the clock that nobody sets, in nanoseconds since an arbitrary start.
public struct MonotonicTime: Sendable, Hashable, Comparable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  public static func now() -> MonotonicTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// The same as it was at the last tick of the system's timer, mostly a few milliseconds ago: for deadlines, and cheaper.
  public static func recent() -> MonotonicTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The time that much later (earlier, for a negative number), or the last or first one that there is: `.max` is "never".
  public func advanced(byMilliseconds milliseconds: Int64) -> MonotonicTime {
    let end = MonotonicTime(nanoseconds: milliseconds < 0 ? .min : .max)
    let (distance, isTooLong) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
    let (sum, isTooFar) = nanoseconds.addingReportingOverflow(distance)
    return isTooLong || isTooFar ? end : MonotonicTime(nanoseconds: sum)
  }
}
