import EventLoop
import Metrics
import OCSP
import Responder
import Synchronization

/// Keeps signed responses in the store, in groups, behind the signers' backs: a signer never waits for the disk.
final class ResponseSaver: @unchecked Sendable {
  // Anybody may call; `turn`, and what it alone uses, belongs to one thread.
  private static let firstPauseMilliseconds: Int64 = 1000
  private static let capacity = 50_000
  private static let groupSize = 2000

  private struct Waiting {
    var responses: [StoredResponse] = []
    /// Whose responses were not taken.
    var dropped: Set<StoreIssuerID> = []
    /// Certificates that are no longer answered for.
    var forgotten: [(issuer: StoreIssuerID, serials: [SerialNumber])] = []
  }

  private let waiting = Mutex(Waiting())
  private let store: any StatusStore
  private let clock: any Clock
  private let failures: FailureLog
  private let counters: RuntimeCounters
  private let closing = GrowingValue()
  /// How many responses have been kept or given up: who signs in bulk waits for it.
  private let settled = GrowingValue()
  private let offered = Atomic<UInt64>(0)
  private let failing = Atomic<Bool>(false)
  // Of the one thread that writes.
  private var session: (any StatusStoreSession)?
  /// Taken out and not written yet: where writing fails they stay first in line, since a newer response for the same key
  /// may wait behind them.
  private var group: [StoredResponse] = []

  init(store: any StatusStore, clock: any Clock, failures: FailureLog, counters: RuntimeCounters) {
    self.store = store
    self.clock = clock
    self.failures = failures
    self.counters = counters
  }

  /// Whether the last attempt to write failed.
  var isFailing: Bool { failing.load(ordering: .relaxed) }

  /// Takes a response to be kept. Over the bound it is not kept, and `takeDropped` tells whose it was.
  func offer(_ response: StoredResponse) {
    let isTaken = waiting.withLock { waiting in
      guard waiting.responses.count < ResponseSaver.capacity else {
        waiting.dropped.insert(response.issuer)
        return false
      }
      waiting.responses.append(response)
      return true
    }
    guard !isTaken else {
      offered.wrappingAdd(1, ordering: .relaxed)
      return
    }
    counters.unsaved.add(1)
  }

  /// The issuers of responses that were not taken since this was last asked.
  func takeDropped() -> Set<StoreIssuerID> {
    waiting.withLock { waiting in
      defer { waiting.dropped = [] }
      return waiting.dropped
    }
  }

  /// The stored responses of those certificates are to be removed.
  func forget(_ serials: [SerialNumber], of issuer: StoreIssuerID) {
    waiting.withLock { waiting in
      guard waiting.forgotten.count < ResponseSaver.groupSize else { return }
      waiting.forgotten.append((issuer, serials))
    }
  }

  /// Stands for everything offered so far: `hasSettled` says whether it is kept.
  var mark: UInt64 { offered.load(ordering: .acquiring) }

  func hasSettled(_ mark: UInt64) -> Bool { settled.current >= mark }

  /// Whether there is room for what is signed in bulk: the rest is for what is signed for clients.
  var hasRoom: Bool {
    let offered = offered.load(ordering: .relaxed)
    let half = UInt64(ResponseSaver.capacity / 2)
    return offered < half || settled.current >= offered - half
  }

  /// To be called once the signers have ended: what they have signed is still kept.
  func close() {
    closing.raise(to: 1)
  }

  /// Until closed, then until nothing waits.
  func run() {
    var pause = ResponseSaver.firstPauseMilliseconds
    while true {
      let isClosing = closing.wait(for: 1, milliseconds: 25)
      do {
        while try turn() { pause = ResponseSaver.firstPauseMilliseconds }
      } catch {
        failures.warn("signed responses could not be kept, trying again: \(error)")
        if isClosing || closing.wait(for: 1, milliseconds: pause) { return }
        pause = min(pause * 2, 30_000)
      }
      if isClosing { return }
    }
  }

  /// Writes what waits; false where nothing did. One thread alone may call it.
  func turn() throws(StoreError) -> Bool {
    let forgotten = take(&group)
    guard !group.isEmpty || !forgotten.isEmpty else { return false }
    do throws(StoreError) {
      let open = if let session { session } else { try store.openSession() }
      session = open
      try write(&group, forgotten, open)
      failing.store(false, ordering: .relaxed)
      return true
    } catch {
      counters.storeFailures.add(1)
      failing.store(true, ordering: .relaxed)
      session = nil
      throw error
    }
  }

  private func take(_ group: inout [StoredResponse]) -> [(issuer: StoreIssuerID, serials: [SerialNumber])] {
    var taken: [StoredResponse] = []
    let forgotten = waiting.withLock { waiting in
      // All at once: moving what stays behind would make the signers wait.
      if group.isEmpty { swap(&taken, &waiting.responses) }
      let forgotten = waiting.forgotten
      waiting.forgotten = []
      return forgotten
    }
    if group.isEmpty { group = taken }
    return forgotten
  }

  private func write(
    _ group: inout [StoredResponse], _ forgotten: [(issuer: StoreIssuerID, serials: [SerialNumber])],
    _ session: any StatusStoreSession
  ) throws(StoreError) {
    var start = 0
    defer { group.removeFirst(start) }
    while start < group.count {
      let end = min(start + ResponseSaver.groupSize, group.count)
      try session.save(Array(group[start..<end]), at: clock.now())
      settled.raise(to: settled.current + UInt64(end - start))
      start = end
    }
    for (issuer, serials) in forgotten { try session.removeResponses(issuer: issuer, serials: serials) }
  }
}
