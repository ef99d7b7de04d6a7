import Glibc

/// A named thread with a stack of half a megabyte.
@safe
final class RuntimeThread: @unchecked Sendable {
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

  init(name: String, _ run: @escaping @Sendable () -> Void) {
    let body = unsafe Unmanaged.passRetained(Body(name: name, run: run))
    var attributes = unsafe pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setstacksize(&attributes, 512 << 10)
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        unsafe pthread_setname_np(pthread_self(), String(body.name.prefix(15)))
        body.run()
        return nil
      }, body.toOpaque())
    unsafe pthread_attr_destroy(&attributes)
    // Only at the start of the program, where there is nothing to answer yet.
    precondition(code == 0, "no thread can be started: error \(code)")
    handle = thread
  }

  func join() {
    unsafe pthread_join(handle, nil)
  }
}
