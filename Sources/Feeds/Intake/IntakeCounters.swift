import Responder

/// What became of messages.
public final class IntakeCounters: Sendable {
  public let commits = FeedCounter()
  public let taken = FeedCounter()
  public let repeated = FeedCounter()
  public let contradicted = FeedCounter()
  /// The store could not take them.
  public let failed = FeedCounter()
  /// There was no room for them.
  public let refused = FeedCounter()
  /// Records that are others than before.
  public let certificatesChanged = FeedCounter()

  func count(_ outcomes: [MessageOutcome]) {
    commits.add(1)
    for outcome in outcomes {
      switch outcome {
      case .taken(let receipt):
        taken.add(1)
        certificatesChanged.add(receipt.changed)
      case .repeated: repeated.add(1)
      case .contradicted, .idTaken: contradicted.add(1)
      }
    }
  }
}
