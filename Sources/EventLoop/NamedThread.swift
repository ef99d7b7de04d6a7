import CLinux
import Glibc

/// A named thread with a stack of half a megabyte.
///
/// Traps where the system has no thread to give: threads are started with the program, when there is nothing to answer.
@safe
public final class NamedThread: @unchecked Sendable {
  // Written once, before anybody else can see the object.
  private let handle: pthread_t

  private final class Body {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// - Parameter isDetached: nobody will `join` it.
  public init(name: String, isDetached: Bool = false, _ run: @escaping @Sendable () -> Void) {
    let body = unsafe Unmanaged.passRetained(Body(name: name, run: run))
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setstacksize(&attributes, 512 << 10)
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        unsafe avouch_name_this_thread(String(body.name.prefix(15)))
        body.run()
        return nil
      }, body.toOpaque())
    unsafe pthread_attr_destroy(&attributes)
    precondition(code == 0, "no thread can be started: error \(code)")
    if isDetached { pthread_detach(thread) }
    handle = thread
  }

  public func join() {
    pthread_join(handle, nil)
  }

  /// Waits for the end of the thread. False where it has not ended in that time; then it may be joined again.
  public func join(milliseconds: Int64) -> Bool {
    avouch_join_within(handle, milliseconds) == 0
  }

  /// Nobody will join it after all.
  public func detach() {
    pthread_detach(handle)
  }

  /// Has the calling thread woken when it asked to be; else the system takes up to 50 microseconds more.
  public static func wakePrecisely() {
    avouch_wake_precisely()
  }

  /// Processor time that the calling thread has used, in nanoseconds.
  public static var processorNanoseconds: Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
