import Glibc

/// A condition variable on the clock that nobody sets.
@safe
final class Bell {
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    unsafe condition = .allocate(capacity: 1)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe condition.deallocate()
  }

  func ring() { unsafe pthread_cond_signal(condition) }
  func ringAll() { unsafe pthread_cond_broadcast(condition) }

  /// - Parameter limit: monotonic nanoseconds; nil for no limit.
  func wait(_ mutex: UnsafeMutablePointer<pthread_mutex_t>, until limit: Int64?) {
    guard let limit else {
      unsafe pthread_cond_wait(condition, mutex)
      return
    }
    var time = timespec(tv_sec: Int(limit / 1_000_000_000), tv_nsec: Int(limit % 1_000_000_000))
    unsafe pthread_cond_timedwait(condition, mutex, &time)
  }
}
