import Glibc

/// Who is in the calls of a module: any number of threads, or one alone that takes the library down and up again.
@safe
final class ModuleGate: @unchecked Sendable {
  private let lock: UnsafeMutablePointer<pthread_rwlock_t>

  init() {
    unsafe lock = .allocate(capacity: 1)
    let code = unsafe pthread_rwlock_init(lock, nil)
    precondition(code == 0, "no lock can be made: error \(code)")
  }

  deinit {
    unsafe pthread_rwlock_destroy(lock)
    unsafe lock.deallocate()
  }

  /// Calls into the module; not from within another such body.
  func inside<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    unsafe pthread_rwlock_rdlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body()
  }

  /// Runs the body while nobody is inside; nil where somebody does not come out soon.
  ///
  /// Those who want to come in are not held up by the waiting: a call may hang for ever.
  /// It asks again and again, since the only bounded wait for this lock that Swift sees is by the clock that can be set.
  func alone<Result>(_ body: () -> Result) -> Result? {
    for _ in 0..<100 {
      if unsafe pthread_rwlock_trywrlock(lock) == 0 {
        defer { unsafe pthread_rwlock_unlock(lock) }
        return body()
      }
      usleep(2000)
    }
    return nil
  }
}
