import Responder

/// Writes that went out together. Filled by one thread before anybody else knows it.
final class WriteBatch: @unchecked Sendable {
  struct Outcome {
    var place: Int
    var result: Result<SharedWrite.Outcome, SharedCacheError>
  }

  let token: FencingToken
  private(set) var items: [PublisherQueue.Item] = []
  private(set) var frames: [SharedFrame] = []
  /// Behind the lock of what has ended.
  private var outcomes: [Outcome] = []

  init(_ count: Int, _ token: FencingToken) {
    self.token = token
    items.reserveCapacity(count)
    frames.reserveCapacity(count)
    outcomes.reserveCapacity(count)
  }

  func append(_ item: PublisherQueue.Item, _ frame: SharedFrame) {
    items.append(item)
    frames.append(frame)
  }

  /// Whether it is the first since they were taken.
  func note(_ result: Result<SharedWrite.Outcome, SharedCacheError>, at place: Int) -> Bool {
    outcomes.append(Outcome(place: place, result: result))
    return outcomes.count == 1
  }

  func takeOutcomes() -> [Outcome] {
    defer { outcomes = [] }
    return outcomes
  }
}
