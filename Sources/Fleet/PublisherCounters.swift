public import Metrics
import Responder

/// What a publisher counts, for metrics.
public final class PublisherCounters: Sendable {
  public let written = Counter()
  public let unchanged = Counter()
  /// Of no use, since there was nothing to replace.
  public let absent = Counter()
  /// Refused because the shared level had something newer.
  public let superseded = Counter()
  /// Refused because another origin has taken over.
  public let fenced = Counter()
  public let failures = Counter()

  init() {}

  func count(_ result: Result<SharedWrite.Outcome, SharedCacheError>) {
    switch result {
    case .success(.written), .success(.replaced): written.add(1)
    case .success(.unchanged): unchanged.add(1)
    case .success(.absent): absent.add(1)
    case .success(.superseded): superseded.add(1)
    case .success(.fenced): fenced.add(1)
    case .failure: failures.add(1)
    }
  }
}
