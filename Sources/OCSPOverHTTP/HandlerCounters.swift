public import Metrics
import Synchronization

/// What the handlers of all workers count, for metrics.
public final class HandlerCounters: Sendable {
  private let hitsOfWorkers = Mutex<[OwnCounter]>([])
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

  /// How often was answered from the answer cache.
  public var hits: UInt64 { hitsOfWorkers.withLock { $0.reduce(0) { $0 &+ $1.current } } }

  /// For the hits of one more worker: what all workers write in every answer, they would take from each other's processors.
  func makeHits() -> OwnCounter {
    let counter = OwnCounter()
    hitsOfWorkers.withLock { $0.append(counter) }
    return counter
  }
}
