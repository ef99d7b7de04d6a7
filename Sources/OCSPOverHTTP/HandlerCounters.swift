public import ResponderRuntime

/// What the handlers of all workers count, for metrics.
public final class HandlerCounters: Sendable {
  /// Answered from the answer cache.
  public let hits = RuntimeCounters.Counter()
  /// Had to wait for the store or a signer.
  public let misses = RuntimeCounters.Counter()
  /// Signed for one request: nonces, and several certificates at once.
  public let live = RuntimeCounters.Counter()
  public let notModified = RuntimeCounters.Counter()
  public let malformed = RuntimeCounters.Counter()
  public let unauthorized = RuntimeCounters.Counter()
  public let methodsRefused = RuntimeCounters.Counter()

  public init() {}
}
