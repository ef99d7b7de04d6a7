import CalendarTime
import OCSP
import Responder

/// What an origin has to share, in the order in which it goes out: changes before renewals, of each certificate the newest
/// only, and never two at once: what is sent again after a refusal could else come behind what is newer.
///
/// Pure; bounded: what is over the bound is known to be missing.
struct PublisherQueue {
  struct Item {
    var key: ResponseKey
    var answer: Answer
    /// Whether other nodes must forget what they have before they hear of anything else.
    var isChange: Bool
    /// Whether the answer goes to the other nodes with the news.
    var isUrgent = false
    /// Whether somebody waits to hear of it, though nothing may be new.
    var isWanted = false
    /// Whether it is only to take the place of an older one.
    var onlyOver = false
    /// Of the walk that has brought it, if any.
    var ticket: WalkTicket?
  }

  private let limit: Int
  private var changes = Line<ResponseKey>()
  private var renewals = Line<ResponseKey>()
  private var items: [ResponseKey: Item] = [:]
  /// Taken and not finished.
  private var underWay: Set<ResponseKey> = []
  /// Those of them whose next item has had its turn in vain.
  private var deferred: Set<ResponseKey> = []
  /// Issuers of which something was left out.
  private(set) var incomplete: Set<IssuerIndex> = []

  init(limit: Int) {
    self.limit = limit
  }

  /// Those that wait.
  var count: Int { items.count }
  var underWayCount: Int { underWay.count }

  mutating func add(
    _ answer: Answer, isChange: Bool, isWanted: Bool = false, isUrgent: Bool = false, onlyOver: Bool = false,
    ticket: WalkTicket? = nil
  ) {
    let key = answer.key
    if let held = items[key] {
      if held.ticket !== ticket { ticket?.begin() }
      // The place in line stays, save that a change goes to the front of the renewals. Two that were signed at once may
      // come in either order.
      let isNewer =
        (answer.revision, answer.times.producedAt) >= (held.answer.revision, held.answer.times.producedAt)
      if ticket != nil, held.ticket !== ticket { held.ticket?.end() }
      items[key] = Item(
        key: key, answer: isNewer ? answer : held.answer, isChange: held.isChange || isChange,
        isUrgent: held.isUrgent || isUrgent, isWanted: held.isWanted || isWanted, onlyOver: held.onlyOver && onlyOver,
        ticket: ticket ?? held.ticket)
      if isChange, !held.isChange { changes.append(key) }
      return
    }
    guard items.count < limit else {
      incomplete.insert(key.issuer)
      return
    }
    ticket?.begin()
    items[key] = Item(
      key: key, answer: answer, isChange: isChange, isUrgent: isUrgent, isWanted: isWanted, onlyOver: onlyOver,
      ticket: ticket)
    if isChange { changes.append(key) } else { renewals.append(key) }
  }

  /// Up to so many, the changes first.
  mutating func take(_ count: Int) -> [Item] {
    var taken: [Item] = []
    while taken.count < count, let key = changes.popFirst() ?? renewals.popFirst() {
      if underWay.contains(key) {
        if items[key] != nil { deferred.insert(key) }
      } else if let item = items.removeValue(forKey: key) {
        underWay.insert(key)
        taken.append(item)
      }
    }
    return taken
  }

  /// What was taken is done with, or has been put back.
  mutating func finish(_ key: ResponseKey) {
    underWay.remove(key)
    guard deferred.remove(key) != nil, let item = items[key] else { return }
    if item.isChange { changes.append(key) } else { renewals.append(key) }
  }

  /// Something could not be sent: it comes back unless something newer has taken its place.
  mutating func putBack(_ item: Item) {
    // `add` counts it once more.
    defer { item.ticket?.end() }
    guard let newer = items[item.key] else {
      return add(
        item.answer, isChange: item.isChange, isWanted: item.isWanted, isUrgent: item.isUrgent, onlyOver: item.onlyOver,
        ticket: item.ticket)
    }
    add(
      newer.answer, isChange: item.isChange, isWanted: item.isWanted, isUrgent: item.isUrgent, onlyOver: item.onlyOver,
      ticket: item.ticket ?? newer.ticket)
  }

  /// The issuers of which something was left out since this was last asked.
  mutating func takeIncomplete() -> Set<IssuerIndex> {
    defer { incomplete = [] }
    return incomplete
  }
}
