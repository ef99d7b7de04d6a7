import EventLoop
import Glibc
import LoadGenerator
import Synchronization

/// Ctrl-C and SIGTERM: while a load runs, the first one ends it and what was measured is told; before, and the second time, the
/// program ends.
final class LoadInterrupt: Sendable {
  let signal = StopSignal()
  private let hasBegun = Atomic<Bool>(false)

  /// Signals must have been taken over.
  init() {
    _ = NamedThread(name: "signals", isDetached: true) { [self] in
      while true {
        let number = Signals.wait()
        if signal.isStopped || !hasBegun.load(ordering: .acquiring) { _exit(128 + number) }
        signal.stop()
      }
    }
  }

  func begin() { hasBegun.store(true, ordering: .releasing) }
}
