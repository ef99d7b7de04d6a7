import OCSP
import Responder

/// Changes whose new answers have not come yet, in the order in which they were told. Pure; bounded.
struct AwaitedChanges {
  private struct Entry {
    var key: ResponseKey
    /// Monotonic nanoseconds.
    var since: Int64
  }

  private let limit: Int
  private var revisions: [ResponseKey: Revision] = [:]
  private var order = Line<Entry>()

  init(limit: Int) {
    self.limit = limit
  }

  var count: Int { revisions.count }

  /// False over the bound.
  mutating func add(_ key: ResponseKey, _ revision: Revision, now: Int64) -> Bool {
    if let held = revisions[key] {
      revisions[key] = max(held, revision)
      return true
    }
    guard revisions.count < limit else { return false }
    revisions[key] = revision
    order.append(Entry(key: key, since: now))
    return true
  }

  /// Whether an answer is one that was waited for; then it is not any more.
  mutating func takes(_ key: ResponseKey, _ revision: Revision) -> Bool {
    guard let awaited = revisions[key], awaited <= revision else { return false }
    revisions[key] = nil
    return true
  }

  /// The next one that has waited since `limit`.
  mutating func popOverdue(_ limit: Int64) -> (key: ResponseKey, revision: Revision)? {
    while let entry = order.next {
      guard let revision = revisions[entry.key] else {
        _ = order.popFirst()
        continue
      }
      guard entry.since <= limit else { return nil }
      _ = order.popFirst()
      revisions[entry.key] = nil
      return (entry.key, revision)
    }
    return nil
  }
}
