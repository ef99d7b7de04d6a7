import EventLoop

/// What is due, by time. Entries that are settled before are thrown away when they are most of it.
struct DeadlineHeap<Element> {
  private var entries: [(time: MonotonicTime, element: Element)] = []

  var first: MonotonicTime? { entries.first?.time }

  mutating func insert(_ element: Element, at time: MonotonicTime) {
    entries.append((time, element))
    var place = entries.count - 1
    while place > 0, entries[place].time < entries[(place - 1) / 2].time {
      entries.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// The earliest entry, where it is due.
  mutating func popDue(_ now: MonotonicTime) -> Element? {
    guard let first = entries.first, first.time <= now else { return nil }
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    siftDown(from: 0)
    return first.element
  }

  /// Throws settled entries away where at least half are.
  mutating func compact(unsettled: Int, isSettled: (Element) -> Bool) {
    guard entries.count > 2 * unsettled + 1024 else { return }
    entries.removeAll { isSettled($0.element) }
    for place in stride(from: entries.count / 2 - 1, through: 0, by: -1) { siftDown(from: place) }
  }

  private mutating func siftDown(from start: Int) {
    var place = start
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2] where child < entries.count {
        if entries[child].time < entries[least].time { least = child }
      }
      guard least != place else { return }
      entries.swapAt(place, least)
      place = least
    }
  }
}
