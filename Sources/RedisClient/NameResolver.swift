import EventLoop
import Synchronization

/// Looks host names up on a thread of its own, since the system's look-up blocks.
///
/// One at a time: a name server that does not answer keeps all names waiting, and connections that wait for one fail in
/// their own time. The thread begins with the first name.
final class NameResolver: Sendable {
  struct Found: Sendable {
    var address: RedisAddress
    var result: Result<[Endpoint], LookUpFailure>
  }

  private struct State {
    // Each address once, so at most as many as there are nodes.
    var wanted: [RedisAddress] = []
    var found: [Found] = []
    var thread: NamedThread?
    var isStopped = false
  }

  private let state = Mutex(State())
  private let bell = GrowingValue()
  private let wakeUp: EventCounter

  init(wakeUp: EventCounter) {
    self.wakeUp = wakeUp
  }

  func lookUp(_ address: RedisAddress) {
    state.withLock { state in
      guard !state.isStopped, !state.wanted.contains(address) else { return }
      state.wanted.append(address)
      if state.thread == nil { state.thread = NamedThread(name: "redis-names") { self.run() } }
    }
    bell.raise(to: bell.current + 1)
  }

  /// What has been found since the last call.
  func takeFound() -> [Found] {
    state.withLock { state in
      guard !state.found.isEmpty else { return [] }
      defer { state.found = [] }
      return state.found
    }
  }

  /// A look-up that does not return is left behind.
  func stop() {
    let thread = state.withLock { state in
      state.isStopped = true
      return state.thread.take()
    }
    bell.close()
    if let thread, !thread.join(milliseconds: 100) { thread.detach() }
  }

  private func run() {
    var seen: UInt64 = 0
    while !state.withLock({ $0.isStopped }) {
      _ = bell.wait(for: seen + 1, milliseconds: .max)
      seen = bell.current
      while let address = state.withLock({ $0.isStopped ? nil : $0.wanted.first }) {
        let result = Endpoint.find(address, isNumeric: false)
        state.withLock { state in
          state.wanted.removeFirst()
          state.found.append(Found(address: address, result: result))
        }
        wakeUp.signal()
      }
    }
  }
}
