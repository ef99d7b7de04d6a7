import Responder
import Synchronization

/// Tells of failures that may come by the thousand: the first at once, then one line a second with how many there were.
final class FailureLog: Sendable {
  private struct State {
    var nextLine = Int64.min
    var suppressed = 0
  }

  private let log: any RuntimeLog
  private let clock: any Clock
  private let state = Mutex(State())

  init(_ log: any RuntimeLog, clock: any Clock) {
    self.log = log
    self.clock = clock
  }

  func warn(_ message: String) {
    let now = clock.monotonicNanoseconds()
    let suppressed = state.withLock { state -> Int? in
      guard now >= state.nextLine else {
        state.suppressed += 1
        return nil
      }
      defer { state.suppressed = 0 }
      state.nextLine = now + 1_000_000_000
      return state.suppressed
    }
    guard let suppressed else { return }
    log.warning(suppressed == 0 ? message : "\(message) (and \(suppressed) more failures before it)")
  }
}
