public import CalendarTime
import EventLoop
import Glibc
public import Responder

/// The operating system's clocks.
public struct SystemClock: Clock {
  public init() {}

  public func now() -> UnixTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return UnixTime(seconds: Int64(time.tv_sec))
  }

  public func monotonicNanoseconds() -> Int64 { MonotonicTime.now().nanoseconds }
}
