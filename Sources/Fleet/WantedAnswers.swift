public import Metrics
import OCSP
public import Responder
import Synchronization

/// What other nodes have asked for: found or signed, and given to the publisher. An origin that does not push everything
/// pushes what is selected here.
public final class WantedAnswers: PublicationSelection, WantReceiver {
  private static let limit = 1_000_000
  public let counters = WantedCounters()
  private let source: @Sendable () -> (any AnswerSource)?
  private let publisher: @Sendable () -> AnswerPublisher?
  private let selectsEverything: Bool
  private let clock: any Clock
  private let recent: Mutex<RecentKeys>

  /// - Parameters:
  ///   - source: who answers here.
  ///   - milliseconds: so long an answer is selected after it was asked for; nil selects every answer always.
  public init(
    milliseconds: Int64?, clock: any Clock, source: @escaping @Sendable () -> (any AnswerSource)?,
    publisher: @escaping @Sendable () -> AnswerPublisher?
  ) {
    self.source = source
    self.publisher = publisher
    self.clock = clock
    selectsEverything = milliseconds == nil
    recent = Mutex(RecentKeys(limit: WantedAnswers.limit, nanoseconds: (milliseconds ?? 0) * 1_000_000))
  }

  public func isSelected(_ key: ResponseKey, now: Int64) -> Bool {
    selectsEverything || recent.withLock { $0.contains(key, now: now) }
  }

  public func isWanted(_ keys: [SharedKey]) {
    guard let source = source(), let publisher = publisher() else { return }
    let directory = source.directory
    for shared in keys {
      guard let (key, issuer) = directory.key(shared) else { continue }
      counters.wanted.add(1)
      guard source.mayBeIssued(key, by: issuer) else {
        counters.unissued.add(1)
        publisher.isUnissued(shared)
        continue
      }
      if !selectsEverything { recent.withLock { $0.note(key, now: clock.monotonicNanoseconds()) } }
      if let held = source.cache.answer(key, now: clock.now()) {
        publisher.publish(held, isWanted: true)
      } else {
        source.ask(.cached(key), receiver: WantOutcome(shared, publisher, counters))
      }
    }
  }
}

/// What other nodes wanted, for metrics.
public final class WantedCounters: Sendable {
  public let wanted = Counter()
  public let unissued = Counter()

  init() {}
}

/// Tells who asked elsewhere how it ended.
private struct WantOutcome: OutcomeReceiver {
  let key: SharedKey
  let publisher: AnswerPublisher
  let counters: WantedCounters
  let isGone = false

  init(_ key: SharedKey, _ publisher: AnswerPublisher, _ counters: WantedCounters) {
    self.key = key
    self.publisher = publisher
    self.counters = counters
  }

  func receive(_ outcome: QuestionOutcome) {
    switch outcome {
    // An answer for what was never issued is nothing to share.
    case .answer(let answer) where !answer.isForUnissued: publisher.publish(answer, isWanted: true)
    case .unauthorized, .answer:
      counters.unissued.add(1)
      publisher.isUnissued(key)
    case .live, .tryLater: break
    }
  }
}
