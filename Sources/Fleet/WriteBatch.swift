import Responder

/// Writes that went out together.
// What changes of it is behind a lock of whoever holds it.
final class WriteBatch: @unchecked Sendable {
  struct Outcome {
    var place: Int
    var result: Result<SharedWrite.Outcome, SharedCacheError>
  }

  let token: FencingToken
  let items: [PublisherQueue.Item]
  let frames: [SharedFrame]
  /// Behind the lock of what has ended.
  private var outcomes: [Outcome] = []

  /// - Parameter frames: one for each item.
  init(_ items: [PublisherQueue.Item], _ frames: [SharedFrame], _ token: FencingToken) {
    self.items = items
    self.frames = frames
    self.token = token
    outcomes.reserveCapacity(items.count)
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
