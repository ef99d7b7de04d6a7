import Glibc

/// A value that only grows and that threads may wait for: applied revisions, closing.
@safe
public final class GrowingValue: @unchecked Sendable {
  // `value` and `isClosed` are touched only with `mutex` held; mutex and condition never move.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let bell: UnsafeMutablePointer<pthread_cond_t>
  private var value: UInt64 = 0
  private var isClosed = false

  public init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe bell = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    // Deadlines must not move when somebody sets the clock.
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(bell, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(bell)
    unsafe pthread_mutex_destroy(mutex)
    unsafe bell.deallocate()
    unsafe mutex.deallocate()
  }

  public var current: UInt64 {
    locked { value }
  }

  /// Raises the value; a smaller one changes nothing.
  public func raise(to newValue: UInt64) {
    locked {
      guard newValue > value else { return }
      value = newValue
      unsafe pthread_cond_broadcast(bell)
    }
  }

  public func close() {
    locked {
      isClosed = true
      unsafe pthread_cond_broadcast(bell)
    }
  }

  /// Waits until the value is at least `wanted`. False after `milliseconds`, or when closed.
  public func wait(for wanted: UInt64, milliseconds: Int64) -> Bool {
    let deadline = MonotonicTime.now().advanced(byMilliseconds: milliseconds)
    var limit = timespec(
      tv_sec: Int(deadline.nanoseconds / 1_000_000_000), tv_nsec: Int(deadline.nanoseconds % 1_000_000_000))
    return locked {
      while value < wanted, !isClosed {
        if unsafe pthread_cond_timedwait(bell, mutex, &limit) == ETIMEDOUT { break }
      }
      return value >= wanted && !isClosed
    }
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }
}
