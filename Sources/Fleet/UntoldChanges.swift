import Responder

/// Changes that other nodes have not heard of yet, for whoever has to wait until they have: a cache that is purged earlier may
/// fetch the old answer from one of them. Pure; bounded by number and by time: what is not told for long will not be told by
/// this, and those nodes know by then that they hear nothing.
struct UntoldChanges {
  static let longestNanoseconds: Int64 = 5_000_000_000
  private let limit: Int
  /// Since when, in monotonic nanoseconds.
  private var untold: [SharedKey: Int64] = [:]
  private var order = Line<(key: SharedKey, since: Int64)>()

  init(limit: Int) {
    self.limit = limit
  }

  var count: Int { untold.count }

  mutating func add(_ key: SharedKey, now: Int64) {
    while let next = order.next, now - next.since > UntoldChanges.longestNanoseconds || order.count >= limit {
      _ = order.popFirst()
      if untold[next.key] == next.since { untold[next.key] = nil }
    }
    untold[key] = now
    order.append((key, now))
  }

  mutating func tell(_ keys: some Sequence<SharedKey>) {
    for key in keys { untold[key] = nil }
    if untold.isEmpty { order.removeAll() }
  }

  func isTold(_ key: SharedKey, now: Int64) -> Bool {
    untold[key].map { now - $0 > UntoldChanges.longestNanoseconds } ?? true
  }
}
