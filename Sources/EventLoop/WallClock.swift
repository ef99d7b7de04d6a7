import Glibc

/// The clock that people set.
public enum WallClock {
  /// How far the coarse clock may be behind. It is set at each tick of the system's timer, a hundred a second at least; but by
  /// one processor, which in a virtual machine may have to wait for some of them.
  private static let coarseNanoseconds = 100_000_000

  /// Whole seconds since 1970.
  public static func seconds() -> Int64 {
    var time = timespec()
    // Looks closely where the coarse clock may not have got to the next second yet.
    unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
    if time.tv_nsec >= 1_000_000_000 - coarseNanoseconds { unsafe clock_gettime(CLOCK_REALTIME, &time) }
    return Int64(time.tv_sec)
  }
}
