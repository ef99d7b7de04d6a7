import Glibc
import Responder

/// What the signing threads take their work from: the pure queue behind a lock, with a bell.
///
/// Any thread may push; `pop` blocks until there is work or the queue is closed. Nothing is held across other calls.
@safe
final class WorkQueue<Job: Sendable>: @unchecked Sendable {
  // The queue is touched only with `mutex` held; mutex and condition never move.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let bell: UnsafeMutablePointer<pthread_cond_t>
  private let roomBell: UnsafeMutablePointer<pthread_cond_t>
  private var queue: SigningQueue<Job>
  private var isClosed = false

  init(revocationLimit: Int, missLimit: Int, refreshLimit: Int) {
    unsafe mutex = .allocate(capacity: 1)
    unsafe bell = .allocate(capacity: 1)
    unsafe roomBell = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(bell, nil)
    unsafe pthread_cond_init(roomBell, nil)
    queue = SigningQueue(revocationLimit: revocationLimit, missLimit: missLimit, refreshLimit: refreshLimit)
  }

  deinit {
    unsafe pthread_cond_destroy(roomBell)
    unsafe pthread_cond_destroy(bell)
    unsafe pthread_mutex_destroy(mutex)
    unsafe roomBell.deallocate()
    unsafe bell.deallocate()
    unsafe mutex.deallocate()
  }

  /// False where the lane is full or the queue closed.
  func push(_ job: Job, lane: SigningQueue<Job>.Lane) -> Bool {
    locked {
      guard !isClosed, queue.push(job, lane: lane) else { return false }
      unsafe pthread_cond_signal(bell)
      return true
    }
  }

  /// Waits for room: for work that comes in bulk and that nobody waits for. False where the queue is closed.
  func pushWhenRoom(_ job: Job, lane: SigningQueue<Job>.Lane) -> Bool {
    locked {
      while !isClosed, queue.room(lane) == 0 { unsafe pthread_cond_wait(roomBell, mutex) }
      guard !isClosed else { return false }
      _ = queue.push(job, lane: lane)
      unsafe pthread_cond_signal(bell)
      return true
    }
  }

  /// The next job by lane; nil once the queue is closed.
  func pop() -> Job? {
    locked {
      while true {
        if isClosed { return nil }
        if let job = queue.pop() {
          unsafe pthread_cond_signal(roomBell)
          return job
        }
        unsafe pthread_cond_wait(bell, mutex)
      }
    }
  }

  /// What is queued is given up: whoever waits for it is told by the sweep of pending questions.
  func close() {
    locked {
      isClosed = true
      unsafe pthread_cond_broadcast(bell)
      unsafe pthread_cond_broadcast(roomBell)
    }
  }

  func depth(_ lane: SigningQueue<Job>.Lane) -> Int {
    locked { queue.depth(lane) }
  }

  var refusals: Int {
    locked { queue.refusals }
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }
}
