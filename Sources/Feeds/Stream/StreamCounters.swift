/// What became of the entries of a stream.
public final class StreamCounters: Sendable {
  /// Durable, in force and acknowledged.
  public let taken = FeedCounter()
  /// Left for another try: the store or the intake could not take them.
  public let postponed = FeedCounter()
  /// Left for another try: they say what cannot be.
  public let refused = FeedCounter()
  /// Put into the stream of the dead.
  public let dead = FeedCounter()
  /// Taken over from a consumer that had not settled them.
  public let claimed = FeedCounter()

  /// With the word that metrics have for each.
  public var all: [(result: String, count: UInt64)] {
    [
      ("taken", taken.current), ("postponed", postponed.current), ("refused", refused.current), ("dead", dead.current),
      ("claimed", claimed.current),
    ]
  }
}
