import OCSP
import Responder

/// Changes whose new answers have not come yet, in the order in which they came. Pure; bounded, also where nobody asks for
/// days what is overdue.
struct AwaitedChanges {
  private struct Entry {
    var key: ResponseKey
    var revision: Revision
    /// Monotonic nanoseconds.
    var since: Int64
  }

  /// Some are never answered: of certificates that have ended, or of an issuer that nothing signs for.
  private static let longestNanoseconds: Int64 = 600_000_000_000
  /// So many may have been answered and take memory still.
  private static let spareEntries = 1024
  private let limit: Int
  private var awaited: [ResponseKey: (revision: Revision, isRevocation: Bool)] = [:]
  private var order = Line<Entry>()
  /// Those that were popped, and are waited for on.
  private var popped = Line<Entry>()

  init(limit: Int) {
    self.limit = limit
  }

  /// What an answer is to those who wait.
  enum Kind {
    case none
    case change
    case revocation
  }

  var count: Int { awaited.count }
  /// Those that take memory: more than are awaited, within a bound.
  var entryCount: Int { order.count + popped.count }

  /// False over the bound.
  mutating func add(_ key: ResponseKey, _ revision: Revision, isRevocation: Bool, now: Int64) -> Bool {
    if let held = awaited[key] {
      guard revision > held.revision else { return true }
    } else if awaited.count >= limit {
      return false
    }
    awaited[key] = (revision, isRevocation)
    order.append(Entry(key: key, revision: revision, since: now))
    if entryCount > 2 * awaited.count + AwaitedChanges.spareEntries { dropAnswered() }
    return true
  }

  private mutating func dropAnswered() {
    order.keep { [awaited] in awaited[$0.key]?.revision == $0.revision }
    popped.keep { [awaited] in awaited[$0.key]?.revision == $0.revision }
  }

  /// Whether an answer is one that was waited for; then it is not any more.
  mutating func takes(_ key: ResponseKey, _ revision: Revision) -> Kind {
    guard let change = awaited[key], change.revision <= revision else { return .none }
    awaited[key] = nil
    return change.isRevocation ? .revocation : .change
  }

  /// The next one that has waited since `limit`: once. Its answer is waited for on, for a while.
  mutating func popOverdue(_ limit: Int64) -> (key: ResponseKey, revision: Revision)? {
    while let entry = popped.next, entry.since <= limit - AwaitedChanges.longestNanoseconds {
      _ = popped.popFirst()
      // A later change of the same certificate is waited for by itself.
      if awaited[entry.key]?.revision == entry.revision { awaited[entry.key] = nil }
    }
    while let entry = order.next {
      guard let revision = awaited[entry.key]?.revision else {
        _ = order.popFirst()
        continue
      }
      guard entry.since <= limit else { return nil }
      _ = order.popFirst()
      // From now on: nobody may have been there to send anything for hours.
      popped.append(Entry(key: entry.key, revision: revision, since: limit))
      return (entry.key, revision)
    }
    return nil
  }
}
