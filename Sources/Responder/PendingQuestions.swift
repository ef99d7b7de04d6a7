/// Questions that wait for the store or a signer, and who waits for them. Pure; the caller locks.
///
/// Equal questions share one entry (coalescing), so that a thousand clients that miss the same answer cost one
/// signature. Bounded in entries and in waiters; every entry has a deadline.
public struct PendingQuestions<Waiter> {
  public struct ID: Hashable, Sendable {
    fileprivate let value: UInt64
  }

  public enum Admission {
    /// A new entry: the caller queues the work for it.
    case first(ID)
    /// Somebody asked before; the answer will come to this waiter too.
    case joined
    /// Over the bound: `tryLater`.
    case refused
  }

  private struct Entry {
    var key: ResponseKey?
    var deadline: Int64
    var waiters: [Waiter]
  }

  private let maximumEntries: Int
  private let maximumWaiters: Int
  private var entries: [ID: Entry] = [:]
  private var byKey: [ResponseKey: ID] = [:]
  private var nextID: UInt64 = 1
  private var waiterCount = 0

  public init(maximumEntries: Int, maximumWaiters: Int) {
    self.maximumEntries = maximumEntries
    self.maximumWaiters = maximumWaiters
  }

  public var count: Int { entries.count }

  /// - Parameters:
  ///   - key: nil for a question that nobody else can share: one with a nonce, or of several certificates.
  ///   - waiter: nil for work that nobody waits for; it still takes later askers in.
  ///   - deadline: monotonic nanoseconds.
  public mutating func admit(key: ResponseKey?, waiter: Waiter?, deadline: Int64) -> Admission {
    if waiter != nil, waiterCount >= maximumWaiters { return .refused }
    if let key, let id = byKey[key] {
      if let waiter {
        entries[id]?.waiters.append(waiter)
        waiterCount += 1
      }
      return .joined
    }
    guard entries.count < maximumEntries else { return .refused }
    let id = ID(value: nextID)
    nextID += 1
    entries[id] = Entry(key: key, deadline: deadline, waiters: waiter.map { [$0] } ?? [])
    if let key { byKey[key] = id }
    if waiter != nil { waiterCount += 1 }
    return .first(id)
  }

  /// Whether somebody may still be waiting: false where the entry was taken, or swept as overdue.
  public func isOpen(_ id: ID) -> Bool { entries[id] != nil }

  /// Closes an entry for whose waiters nothing need be done any more. False where somebody still waits, or nobody did
  /// from the beginning.
  public mutating func drop(_ id: ID, where isGone: (Waiter) -> Bool) -> Bool {
    guard let entry = entries[id], !entry.waiters.isEmpty, entry.waiters.allSatisfy(isGone) else { return false }
    _ = take(id)
    return true
  }

  /// From here on an equal question starts anew; who waits goes on waiting, until told or overdue.
  public mutating func detach(_ id: ID) {
    guard let key = entries[id]?.key, byKey[key] == id else { return }
    byKey[key] = nil
  }

  /// Closes an entry: from here on an equal question starts anew. Empty where it was taken before.
  public mutating func take(_ id: ID) -> [Waiter] {
    guard let entry = entries.removeValue(forKey: id) else { return [] }
    if let key = entry.key, byKey[key] == id { byKey[key] = nil }
    waiterCount -= entry.waiters.count
    return entry.waiters
  }

  /// The waiters of every entry whose deadline has passed; their entries are closed.
  public mutating func takeOverdue(now: Int64) -> [Waiter] {
    var overdue: [Waiter] = []
    for (id, entry) in entries where entry.deadline <= now { overdue += take(id) }
    return overdue
  }
}
