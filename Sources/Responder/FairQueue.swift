/// First in, first out within a flow, and the flows in turns: a flood of one flow does not make the others wait.
struct FairQueue<Element> {
  private var flows: [UInt32: Fifo<Element>] = [:]
  /// The flows that have something, each once, the next one first.
  private var turns = Fifo<UInt32>()
  private(set) var count = 0

  func count(of flow: UInt32) -> Int { flows[flow]?.count ?? 0 }

  mutating func append(_ element: Element, flow: UInt32) {
    if flows[flow, default: Fifo()].isEmpty { turns.append(flow) }
    flows[flow, default: Fifo()].append(element)
    count += 1
  }

  /// In front of its flow, and the flow in front of the others: for what was taken and could not be done.
  mutating func putBack(_ element: Element, flow: UInt32) {
    turns.removeAll { $0 == flow }
    turns.prepend(flow)
    flows[flow, default: Fifo()].prepend(element)
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard let flow = turns.popFirst(), let element = flows[flow]?.popFirst() else { return nil }
    count -= 1
    if flows[flow]?.isEmpty == true { flows[flow] = nil } else { turns.append(flow) }
    return element
  }
}

/// A ring that grows: first in, first out, with room at both ends.
struct Fifo<Element> {
  private var slots: [Element?] = []
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ element: Element) {
    growIfFull()
    slots[(head + count) % slots.count] = element
    count += 1
  }

  mutating func prepend(_ element: Element) {
    growIfFull()
    head = (head + slots.count - 1) % slots.count
    slots[head] = element
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = slots[head]
    slots[head] = nil
    head = (head + 1) % slots.count
    count -= 1
    return element
  }

  mutating func removeAll(where isRemoved: (Element) -> Bool) {
    for _ in 0..<count {
      guard let element = popFirst() else { return }
      if !isRemoved(element) { append(element) }
    }
  }

  private mutating func growIfFull() {
    guard count == slots.count else { return }
    var larger: [Element?] = []
    larger.reserveCapacity(max(8, slots.count * 2))
    for index in 0..<count { larger.append(slots[(head + index) % slots.count]) }
    larger += [Element?](repeating: nil, count: max(8, slots.count * 2) - count)
    slots = larger
    head = 0
  }
}
