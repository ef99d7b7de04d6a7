import Synchronization

/// Lines as they come, for tests that wait for one.
package final class EventRecord: Sendable {
  private struct State {
    var lines: [String] = []
    var waiters: [(isWanted: @Sendable (String) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())

  package init() {}

  package func add(_ line: String) {
    let woken = state.withLock { state in
      state.lines.append(line)
      let woken = state.waiters.filter { $0.isWanted(line) }.map(\.continuation)
      state.waiters.removeAll { $0.isWanted(line) }
      return woken
    }
    for continuation in woken { continuation.resume() }
  }

  package var lines: [String] { state.withLock { $0.lines } }
  /// To wait only for what comes from here on.
  package var position: Int { lines.count }

  /// Waits until there is a line with that text, from that position on.
  package func wait(for text: String, from position: Int = 0) async {
    await wait(from: position) { $0.contains(text) }
  }

  package func wait(from position: Int = 0, _ isWanted: @escaping @Sendable (String) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.lines.dropFirst(position).contains(where: isWanted) { return true }
        state.waiters.append((isWanted, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }
}
