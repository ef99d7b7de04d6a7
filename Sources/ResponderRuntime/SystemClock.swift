public import CalendarTime
import Glibc
public import Responder

/// The operating system's wall clock.
public struct SystemClock: Clock {
  public init() {}

  public func now() -> UnixTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return UnixTime(seconds: Int64(time.tv_sec))
  }
}
