public import Metrics

/// What an edge counts, for metrics.
public final class EdgeCounters: Sendable {
  /// Found in the shared level, and put into memory.
  public let fetched = Counter()
  /// Not in the shared level: answered `unauthorized` where it was complete, else `tryLater`.
  public let absent = Counter()
  /// The shared level did not answer.
  public let failures = Counter()
  /// Values that were damaged, another's, or in contradiction to themselves: dropped.
  public let damaged = Counter()
  /// Values that had ended.
  public let ended = Counter()
  /// Values older than a change that this node has heard of.
  public let outdated = Counter()
  /// Asked of the origin.
  public let wanted = Counter()
  public let coalesced = Counter()
  public let refused = Counter()
  public let overdue = Counter()
  /// News heard, and gaps in it: each time memory was emptied.
  public let updates = Counter()
  public let gaps = Counter()

  init() {}
}
