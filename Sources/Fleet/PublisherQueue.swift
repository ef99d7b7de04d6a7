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
    /// Where the queue keeps it, once it was taken.
    fileprivate(set) var slot = -1
  }

  /// What there is of one key. It has a place of its own: an origin that fills the shared level takes millions, and each look
  /// into a table of keys costs as much as encoding an answer.
  fileprivate struct Slot {
    var key: ResponseKey
    var waiting: Item?
    /// Whether something waits: asking the item itself would copy it.
    var isWaited = false
    var isUnderWay = false
    /// Whether what waits has had its turn in vain, because something is under way.
    var isDeferred = false
  }

  private let limit: Int
  /// Slots of what waits. One that was left may be used anew before its turn in line: then that turn is the new one's.
  private var changes = Line<Int>()
  private var renewals = Line<Int>()
  private var slots: [Slot] = []
  private var freeSlots: [Int] = []
  private var places: [ResponseKey: Int] = [:]
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
    let place = places[key]
    let item = Item(
      key: key, answer: answer, isChange: isChange, isUrgent: isUrgent, isWanted: isWanted, onlyOver: onlyOver,
      ticket: ticket, since: since)
    guard let place, slots[place].isWaited, let held = slots[place].waiting else { return append(item, place) }
    if held.ticket !== ticket { ticket?.begin() }
    if ticket != nil, held.ticket !== ticket { held.ticket?.end() }
    // The place in line stays, save that a change goes to the front of the renewals. Two that were signed at once may come in
    // either order.
    let isNewer = (answer.revision, answer.times.producedAt) >= (held.answer.revision, held.answer.times.producedAt)
    slots[place].waiting = Item(
      key: key, answer: isNewer ? answer : held.answer, isChange: held.isChange || isChange,
      isUrgent: held.isUrgent || isUrgent, isWanted: held.isWanted || isWanted, onlyOver: held.onlyOver && onlyOver,
      ticket: ticket ?? held.ticket, since: held.since)
    if isChange, !held.isChange { changes.append(place) }
  }

  private mutating func append(_ item: consuming Item, _ held: Int?) {
    guard count < limit else {
      incomplete.insert(item.key.issuer)
      return
    }
    item.ticket?.begin()
    let place = held ?? newSlot(item.key)
    count += 1
    if item.isChange { changes.append(place) } else { renewals.append(place) }
    slots[place].isWaited = true
    slots[place].waiting = consume item
  }

  private mutating func newSlot(_ key: ResponseKey) -> Int {
    let place = freeSlots.popLast() ?? slots.count
    if place == slots.count { slots.append(Slot(key: key)) } else { slots[place].key = key }
    places[key] = place
    return place
  }

  /// Since when the first change waits, and the first of all.
  mutating func waitingSince() -> (change: Int64?, any: Int64?) {
    while let place = changes.next, !slots[place].isWaited { _ = changes.popFirst() }
    while let place = renewals.next, !slots[place].isWaited { _ = renewals.popFirst() }
    let change = changes.next.flatMap { slots[$0].waiting?.since }
    let renewal = renewals.next.flatMap { slots[$0].waiting?.since }
    guard let change else { return (nil, renewal) }
    return (change, min(change, renewal ?? change))
  }

  /// Up to so many, the changes first.
  mutating func take(_ wanted: Int) -> [Item] {
    var taken: [Item] = []
    taken.reserveCapacity(min(wanted, count))
    while taken.count < wanted, let place = changes.popFirst() ?? renewals.popFirst() {
      guard slots[place].isWaited else { continue }
      guard !slots[place].isUnderWay else {
        slots[place].isDeferred = true
        continue
      }
      guard var item = slots[place].waiting.take() else { continue }
      slots[place].isWaited = false
      item.slot = place
      slots[place].isUnderWay = true
      taken.append(consume item)
    }
    count -= taken.count
    underWayCount += taken.count
    return taken
  }

  /// What was taken is done with, or has been put back. Once for each that was taken.
  ///
  /// - Parameter place: the item's `slot`.
  mutating func finish(_ place: Int) {
    guard slots.indices.contains(place), slots[place].isUnderWay else { return }
    underWayCount -= 1
    let isDeferred = slots[place].isDeferred
    slots[place].isUnderWay = false
    slots[place].isDeferred = false
    guard slots[place].isWaited, let isChange = slots[place].waiting?.isChange else {
      places[slots[place].key] = nil
      freeSlots.append(place)
      return
    }
    guard isDeferred else { return }
    if isChange { changes.append(place) } else { renewals.append(place) }
  }

  /// Something could not be sent: it comes back unless something newer has taken its place.
  mutating func putBack(_ item: Item) {
    // `add` counts it once more.
    defer { item.ticket?.end() }
    guard item.slot >= 0, let newer = slots[item.slot].waiting else {
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
