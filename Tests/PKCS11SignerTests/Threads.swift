import EventLoop

/// Threads of the operating system: calls into a token block, which tasks must not.
enum Threads {
  /// Runs the body on so many threads at once and waits for all.
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let threads = (0..<count).map { place in NamedThread(name: "test-\(place)") { body(place) } }
    for thread in threads { thread.join() }
  }

  static func start(_ body: @escaping @Sendable () -> Void) -> NamedThread { NamedThread(name: "test", body) }
}
