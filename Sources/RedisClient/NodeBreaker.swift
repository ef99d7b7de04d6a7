/// Whether a node is worth asking. What is open is closed by a PING that succeeds, and by nothing else.
///
/// Pure: the caller tells what happened.
struct NodeBreaker: Sendable {
  enum State: Sendable, Hashable {
    case closed
    /// Commands fail at once, with this reason.
    case open(why: String)
  }

  private(set) var state = State.closed
  private let deadlinesInARow: Int
  private var deadlines = 0

  init(deadlinesInARow: Int) {
    self.deadlinesInARow = max(1, deadlinesInARow)
  }

  var isOpen: Bool { state != .closed }

  /// A reply came while its command still waited.
  mutating func answered() {
    deadlines = 0
  }

  /// A deadline passed at this node. True where that has opened the breaker: the node is to be tried with PING.
  mutating func deadlinePassed() -> Bool {
    guard !isOpen else { return false }
    deadlines += 1
    guard deadlines >= deadlinesInARow else { return false }
    state = .open(why: "\(deadlines) deadlines passed in a row")
    return true
  }

  /// No connection, or none any more.
  mutating func failed(why: String) {
    state = .open(why: why)
  }

  mutating func pingSucceeded() {
    state = .closed
    deadlines = 0
  }
}
