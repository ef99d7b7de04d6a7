/// First in, first out. Pure.
struct Line<Element> {
  private var elements: [Element?] = []
  private var first = 0

  var count: Int { elements.count - first }
  var isEmpty: Bool { count == 0 }
  var next: Element? { isEmpty ? nil : elements[first] }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func popFirst() -> Element? {
    guard !isEmpty else { return nil }
    defer {
      elements[first] = nil
      first += 1
      compact()
    }
    return elements[first]
  }

  /// Puts something back that was taken out just now.
  mutating func putBack(_ element: Element) {
    guard first > 0 else { return elements.insert(element, at: 0) }
    first -= 1
    elements[first] = element
  }

  mutating func keep(where isKept: (Element) -> Bool) {
    elements = elements[first...].filter { $0.map(isKept) ?? false }
    first = 0
  }

  mutating func removeAll() {
    elements = []
    first = 0
  }

  private mutating func compact() {
    guard first > 1024, first * 2 > elements.count else { return }
    elements.removeFirst(first)
    first = 0
  }
}
