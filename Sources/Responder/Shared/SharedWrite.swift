/// Whether a frame may take the place of another one: the rule by which the shared level refuses what is old (invariant 1).
///
/// It is here for the fake and for those who want to understand the script, which says the same inside Redis.
public enum SharedWrite {
  /// What became of a write.
  public enum Outcome: Sendable, Hashable {
    case written
    /// Written over another answer, which somebody may have in memory.
    case replaced
    /// The very same octets were there.
    case unchanged
    /// An origin with a later token has taken over.
    case fenced
    /// What is there is of a newer revision, or of the same one and made later.
    case superseded
    /// Nothing was there, and it was to take the place of something.
    case absent
  }

  /// - Parameters:
  ///   - frame: the encoded `SharedAnswer` to be written.
  ///   - held: what is there. Octets that are no frame give way to anything.
  ///   - onlyOver: whether it is only to take the place of something.
  public static func outcome(of frame: [UInt8], over held: [UInt8]?, onlyOver: Bool = false) -> Outcome {
    if onlyOver, held == nil { return .absent }
    guard let held, let there = SharedOrder(held), let new = SharedOrder(frame) else { return .written }
    if held == frame { return .unchanged }
    if there.token > new.token { return .fenced }
    if there.revision > new.revision { return .superseded }
    if there.revision == new.revision, there.producedAt > new.producedAt { return .superseded }
    return there.revision == new.revision && there.producedAt == new.producedAt ? .written : .replaced
  }
}

/// What frames are compared by.
struct SharedOrder {
  var token: UInt64
  var revision: UInt64
  var producedAt: UInt64

  /// Nil for octets that are no frame.
  init?(_ octets: [UInt8]) {
    guard octets.count >= 28, octets.starts(with: SharedAnswer.magic) else { return nil }
    token = octets.number(at: 4, count: 8)
    revision = octets.number(at: 12, count: 8)
    producedAt = octets.number(at: 20, count: 8)
  }
}
