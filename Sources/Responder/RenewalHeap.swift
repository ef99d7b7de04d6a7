import CalendarTime

/// Renewals by the time at which what they replace ends, the earliest first; among equals, first in, first out.
struct RenewalHeap<Element> {
  struct Entry {
    var expires: UnixTime
    /// Which came first.
    var number: UInt64
    var issuer: IssuerIndex
    /// How many signatures it takes.
    var cost: Int
    var element: Element

    func isBefore(_ other: Entry) -> Bool {
      expires == other.expires ? number < other.number : expires < other.expires
    }
  }

  private var entries: [Entry] = []
  private var nextNumber: UInt64 = 0

  var count: Int { entries.count }
  var first: Entry? { entries.first }

  mutating func insert(_ element: Element, issuer: IssuerIndex, expires: UnixTime, cost: Int) {
    nextNumber += 1
    insert(Entry(expires: expires, number: nextNumber, issuer: issuer, cost: cost, element: element))
  }

  private mutating func insert(_ entry: Entry) {
    entries.append(entry)
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard entries[child].isBefore(entries[parent]) else { return }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  mutating func popFirst() -> Entry? {
    guard let first = entries.first else { return nil }
    let last = entries.removeLast()
    guard !entries.isEmpty else { return first }
    entries[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
        if entries[child].isBefore(entries[least]) { least = child }
      }
      guard least != parent else { return first }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
