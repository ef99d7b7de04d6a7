import Responder

/// What the intake has done.
public final class IntakeCounters: Sendable {
  public let commits = FeedCounter()
  /// Records that are others than before.
  public let certificatesChanged = FeedCounter()
  /// Messages for which there was no room.
  public let refused = FeedCounter()

  func count(_ outcomes: [MessageOutcome]) {
    commits.add()
    for case .taken(let receipt) in outcomes { certificatesChanged.add(receipt.changed) }
  }
}
