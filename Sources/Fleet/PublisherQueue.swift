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
    /// When it came: monotonic nanoseconds.
    var since: Int64 = 0
  }

  /// What there is of one key: one look for each step, since an origin that fills the shared level takes millions.
  fileprivate struct Entry {
    var waiting: Item?
    var isUnderWay = false
    /// Whether what waits has had its turn in vain, because something is under way.
    var isDeferred = false
  }

  private let limit: Int
  private var changes = Line<ResponseKey>()
  private var renewals = Line<ResponseKey>()
  private var entries: [ResponseKey: Entry] = [:]
  private(set) var underWayCount = 0
  /// Issuers of which something was left out.
  private(set) var incomplete: Set<IssuerIndex> = []

  init(limit: Int) {
    self.limit = limit
  }

  /// Those that wait.
  private(set) var count = 0

  mutating func add(
    _ answer: Answer, isChange: Bool, isWanted: Bool = false, isUrgent: Bool = false, onlyOver: Bool = false,
    ticket: WalkTicket? = nil, since: Int64 = 0
  ) {
    let key = answer.key
    let item = Item(
      key: key, answer: answer, isChange: isChange, isUrgent: isUrgent, isWanted: isWanted, onlyOver: onlyOver,
      ticket: ticket, since: since)
    guard let held = entries[key]?.waiting else { return append(item) }
    if held.ticket !== ticket { ticket?.begin() }
    if ticket != nil, held.ticket !== ticket { held.ticket?.end() }
    // The place in line stays, save that a change goes to the front of the renewals. Two that were signed at once may come in
    // either order.
    let isNewer = (answer.revision, answer.times.producedAt) >= (held.answer.revision, held.answer.times.producedAt)
    entries[key]?.waiting = Item(
      key: key, answer: isNewer ? answer : held.answer, isChange: held.isChange || isChange,
      isUrgent: held.isUrgent || isUrgent, isWanted: held.isWanted || isWanted, onlyOver: held.onlyOver && onlyOver,
      ticket: ticket ?? held.ticket, since: held.since)
    if isChange, !held.isChange { changes.append(key) }
  }

  private mutating func append(_ item: Item) {
    guard count < limit else {
      incomplete.insert(item.key.issuer)
      return
    }
    item.ticket?.begin()
    entries[item.key, default: Entry()].waiting = item
    count += 1
    if item.isChange { changes.append(item.key) } else { renewals.append(item.key) }
  }

  /// Since when the first change waits, and the first of all.
  mutating func waitingSince() -> (change: Int64?, any: Int64?) {
    while let key = changes.next, entries[key]?.waiting == nil { _ = changes.popFirst() }
    while let key = renewals.next, entries[key]?.waiting == nil { _ = renewals.popFirst() }
    let change = changes.next.flatMap { entries[$0]?.waiting?.since }
    let renewal = renewals.next.flatMap { entries[$0]?.waiting?.since }
    return (change, [change, renewal].compactMap(\.self).min())
  }

  /// Up to so many, the changes first.
  mutating func take(_ wanted: Int) -> [Item] {
    var taken: [Item] = []
    taken.reserveCapacity(min(wanted, count))
    while taken.count < wanted, let key = changes.popFirst() ?? renewals.popFirst() {
      if let item = entries[key]?.take() { taken.append(item) }
    }
    count -= taken.count
    underWayCount += taken.count
    return taken
  }

  /// What was taken is done with, or has been put back.
  mutating func finish(_ key: ResponseKey) {
    guard let place = entries.index(forKey: key), entries.values[place].isUnderWay else { return }
    underWayCount -= 1
    guard let next = entries.values[place].waiting else {
      entries.remove(at: place)
      return
    }
    if entries.values[place].isDeferred {
      if next.isChange { changes.append(key) } else { renewals.append(key) }
    }
    entries.values[place].isUnderWay = false
    entries.values[place].isDeferred = false
  }

  /// Something could not be sent: it comes back unless something newer has taken its place.
  mutating func putBack(_ item: Item) {
    // `add` counts it once more.
    defer { item.ticket?.end() }
    guard let newer = entries[item.key]?.waiting else {
      return add(
        item.answer, isChange: item.isChange, isWanted: item.isWanted, isUrgent: item.isUrgent, onlyOver: item.onlyOver,
        ticket: item.ticket, since: item.since)
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

extension PublisherQueue.Entry {
  /// What waits, where nothing is under way.
  fileprivate mutating func take() -> PublisherQueue.Item? {
    guard let item = waiting else { return nil }
    guard !isUnderWay else {
      isDeferred = true
      return nil
    }
    waiting = nil
    isUnderWay = true
    return item
  }
}
