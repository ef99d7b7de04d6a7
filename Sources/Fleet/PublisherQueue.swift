import CalendarTime
import OCSP
import Responder

/// What an origin has to share, in the order in which it goes out: changes before renewals, of each certificate the newest
/// only. Pure; bounded: what is over the bound is known to be missing.
struct PublisherQueue {
  struct Item {
    var key: ResponseKey
    var answer: Answer
    /// Whether other nodes must forget what they have before they hear of anything else.
    var isChange: Bool
  }

  private let limit: Int
  private var changes: [ResponseKey] = []
  private var renewals: [ResponseKey] = []
  private var nextChange = 0
  private var nextRenewal = 0
  private var items: [ResponseKey: Item] = [:]
  /// Issuers of which something was left out.
  private(set) var incomplete: Set<IssuerIndex> = []

  init(limit: Int) {
    self.limit = limit
  }

  var count: Int { items.count }

  mutating func add(_ answer: Answer, isChange: Bool) {
    let key = answer.key
    if let held = items[key] {
      // The place in line stays, save that a change goes to the front of the renewals.
      items[key] = Item(key: key, answer: answer, isChange: held.isChange || isChange)
      if isChange, !held.isChange { changes.append(key) }
      return
    }
    guard items.count < limit else {
      incomplete.insert(key.issuer)
      return
    }
    items[key] = Item(key: key, answer: answer, isChange: isChange)
    if isChange { changes.append(key) } else { renewals.append(key) }
  }

  /// Up to so many, the changes first.
  mutating func take(_ count: Int) -> [Item] {
    var taken: [Item] = []
    while taken.count < count, nextChange < changes.count {
      if let item = items.removeValue(forKey: changes[nextChange]) { taken.append(item) }
      nextChange += 1
    }
    while taken.count < count, nextRenewal < renewals.count {
      if let item = items.removeValue(forKey: renewals[nextRenewal]) { taken.append(item) }
      nextRenewal += 1
    }
    PublisherQueue.compact(&changes, &nextChange)
    PublisherQueue.compact(&renewals, &nextRenewal)
    return taken
  }

  /// Something could not be sent: it comes back unless something newer has taken its place.
  mutating func putBack(_ item: Item) {
    guard items[item.key] == nil else {
      if item.isChange { items[item.key]?.isChange = true }
      return
    }
    add(item.answer, isChange: item.isChange)
  }

  /// The issuers of which something was left out since this was last asked.
  mutating func takeIncomplete() -> Set<IssuerIndex> {
    defer { incomplete = [] }
    return incomplete
  }

  private static func compact(_ keys: inout [ResponseKey], _ next: inout Int) {
    guard next > 4096, next * 2 > keys.count else { return }
    keys.removeFirst(next)
    next = 0
  }
}
