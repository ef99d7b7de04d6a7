import Responder

/// Changes that other nodes have not heard of yet, for whoever has to wait until they have: a cache that is purged earlier may
/// fetch the old answer from one of them. Pure; bounded by number and by time: what is not told for long will not be told by
/// this, and those nodes know by then that they hear nothing.
struct UntoldChanges {
  static let longestNanoseconds: Int64 = 5_000_000_000
  private let limit: Int
  private var untold: [SharedKey: Entry] = [:]
  private var order = Line<(key: SharedKey, since: Int64)>()

  private struct Entry {
    var revision: Revision
    /// Monotonic nanoseconds.
    var since: Int64
  }

  init(limit: Int) {
    self.limit = limit
  }

  var count: Int { untold.count }

  mutating func add(_ key: SharedKey, _ revision: Revision, now: Int64) {
    while let next = order.next, now - next.since > UntoldChanges.longestNanoseconds || order.count >= limit {
      _ = order.popFirst()
      if untold[next.key]?.since == next.since { untold[next.key] = nil }
    }
    untold[key] = Entry(revision: revision, since: now)
    order.append((key, now))
  }

  /// Other nodes know of the key up to that revision.
  mutating func tell(_ key: SharedKey, _ revision: Revision) {
    // A newer change may have come while the older one was on its way.
    guard let held = untold[key], held.revision <= revision else { return }
    untold[key] = nil
    if untold.isEmpty { order.removeAll() }
  }

  func isTold(_ key: SharedKey, now: Int64) -> Bool {
    untold[key].map { now - $0.since > UntoldChanges.longestNanoseconds } ?? true
  }
}
