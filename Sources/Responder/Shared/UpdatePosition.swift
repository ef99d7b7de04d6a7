/// How far a node has read the stream of updates, and whether it has missed any. Pure.
///
/// A gap comes from a stream that was trimmed or flushed behind the node's back, or from a new master that lost writes; in
/// each case the numbers do not follow each other. What a node holds in memory may then be older than it knows.
public struct UpdatePosition: Sendable, Hashable {
  public enum Verdict: Sendable, Hashable {
    /// The next one, or the first of all.
    case next
    /// Seen before, or sent by an origin that another one has replaced: nothing is done.
    case ignored
    /// Something before it was missed: everything in memory is in doubt, then the entry counts.
    case gap
  }

  /// Nil where nothing was ever announced.
  public private(set) var number: UInt64?
  public private(set) var token = FencingToken(0)

  public init() {}

  /// Begins behind the newest entry: what is in memory from now on is at least as new.
  ///
  /// - Parameter newest: nil where nothing was ever announced.
  public mutating func begin(after newest: UpdateEntry?) {
    number = newest?.number
    token = newest?.token ?? FencingToken(0)
  }

  public mutating func read(_ entry: UpdateEntry) -> Verdict {
    guard entry.token >= token else { return .ignored }
    // An origin that did not hear whether an entry had arrived sends it again. A smaller number it has not sent since.
    if let number, entry.token == token, entry.number == number { return .ignored }
    defer { (number, token) = (entry.number, entry.token) }
    guard let number else { return .next }
    return entry.number == number &+ 1 ? .next : .gap
  }
}
