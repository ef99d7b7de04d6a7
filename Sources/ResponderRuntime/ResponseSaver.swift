import EventLoop
import Glibc
import Responder
import Synchronization

/// Keeps signed responses in the store, in groups, behind the signers' backs: a signer never waits for the disk.
final class ResponseSaver: Sendable {
  private static let capacity = 50_000
  private static let groupSize = 2000
  private let waiting = Mutex<[StoredResponse]>([])
  private let store: any StatusStore
  private let log: any RuntimeLog
  private let counters: RuntimeCounters
  private let closing = GrowingValue()

  init(store: any StatusStore, log: any RuntimeLog, counters: RuntimeCounters) {
    self.store = store
    self.log = log
    self.counters = counters
  }

  /// Takes a response to be kept. Over the bound it is not kept: a restart will sign it again.
  func offer(_ response: StoredResponse) {
    let isTaken = waiting.withLock { waiting in
      guard waiting.count < ResponseSaver.capacity else { return false }
      waiting.append(response)
      return true
    }
    if !isTaken { counters.unsaved.add(1) }
  }

  /// How many wait to be kept: who signs in bulk looks before going on.
  var backlog: Int { waiting.withLock { $0.count } }

  func close() {
    closing.raise(to: 1)
  }

  /// Until closed, then until nothing waits.
  func run() {
    var session: (any StatusStoreSession)?
    while true {
      let isClosing = closing.wait(for: 1, milliseconds: 25)
      while backlog > 0 {
        do {
          let open = try session ?? store.openSession()
          session = open
          try saveGroup(open)
        } catch {
          counters.storeFailures.add(1)
          log.warning("signed responses could not be kept, trying again: \(error)")
          session = nil
          if isClosing || closing.wait(for: 1, milliseconds: 1000) { return }
        }
      }
      if isClosing { return }
    }
  }

  private func saveGroup(_ session: any StatusStoreSession) throws(StoreError) {
    let group = waiting.withLock { waiting -> [StoredResponse] in
      let count = min(waiting.count, ResponseSaver.groupSize)
      let group = Array(waiting[..<count])
      waiting.removeFirst(count)
      return group
    }
    do {
      try session.save(group)
    } catch {
      // They stay first in line: a newer response for the same key may wait behind them, and the store keeps the newer.
      waiting.withLock { $0.insert(contentsOf: group, at: 0) }
      throw error
    }
  }
}
