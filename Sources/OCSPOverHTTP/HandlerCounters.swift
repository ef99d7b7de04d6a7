public import Metrics

/// What the handlers of all workers count, for metrics.
public final class HandlerCounters: Sendable {
  /// Answered from the answer cache.
  public let hits = Counter()
  /// Had to wait for the store or a signer.
  public let misses = Counter()
  /// Signed for one request: nonces, and several certificates at once.
  public let live = Counter()
  public let notModified = Counter()
  public let malformed = Counter()
  public let unauthorized = Counter()
  /// Told tryLater because what is known of the issuer's revocations is too old.
  public let withheld = Counter()
  public let methodsRefused = Counter()

  public init() {}
}
