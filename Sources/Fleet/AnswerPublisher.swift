import CalendarTime
public import Metrics
import OCSP
public import Responder
import Synchronization

/// Puts what an origin signs into the level that nodes share, and tells them of it: first the answer, then the news, so that
/// who hears the news finds the answer.
///
/// Any thread may hand it something; `turn` belongs to one thread, which calls it whenever something may be done. Nothing
/// waits: what could not be sent stays in line, within a bound; over it the issuer is known to be incomplete.
public final class AnswerPublisher: PublicationReceiver {
  /// Bounds.
  public struct Limits: Sendable {
    /// Answers that wait to be sent.
    public var queueLimit = 200_000
    /// Answers under way at once.
    public var window = 1024
    /// So long a change waits for its answer before other nodes are told to forget the old one, in milliseconds.
    public var changePatienceMilliseconds: Int64 = 500

    public init() {}
  }

  private struct State {
    var queue: PublisherQueue
    /// Changes whose answers are not there yet: since when.
    var changes: [ResponseKey: (revision: Revision, since: Int64)] = [:]
    /// Answers that are being written.
    var underWay = 0
    /// News that wait for their number, in order.
    var news: [UpdateEntry.News] = []
    var renewals: [UpdateEntry.Renewal] = []
    /// The entry under way: the next is sent once it has arrived, so that no number is missing or doubled.
    var announcing: UpdateEntry?
    var nextNumber: UInt64?
    var failure: String?
  }

  private static let longestAnswerMilliseconds: Int64 = 400 * 86_400_000
  public let counters = PublisherCounters()
  private let shared: any SharedCache
  private let source: @Sendable () -> IssuerDirectory
  private let clock: any Clock
  private let hasher: any ResponseHasher
  private let limits: Limits
  private let token = Mutex<FencingToken?>(nil)
  private let state: Mutex<State>

  /// - Parameter directory: what is in force.
  public init(
    shared: any SharedCache, directory: @escaping @Sendable () -> IssuerDirectory, limits: Limits, clock: any Clock,
    hasher: any ResponseHasher
  ) {
    self.shared = shared
    source = directory
    self.limits = limits
    self.clock = clock
    self.hasher = hasher
    state = Mutex(State(queue: PublisherQueue(limit: limits.queueLimit)))
  }

  /// Begins to send, as the origin of that token, behind the newest entry of the stream; nil stops it: another node is the
  /// origin.
  public func lead(_ token: FencingToken?, after newest: UpdateEntry?) {
    self.token.withLock { $0 = token }
    state.withLock { state in
      // An empty stream begins somewhere else each time: who remembers an earlier one sees a gap.
      let first = UInt64(bitPattern: clock.now().seconds(since: UnixTime(seconds: 0))) << 20
      state.nextNumber = token == nil ? nil : (newest.map { $0.number &+ 1 } ?? first)
      state.announcing = nil
    }
  }

  // MARK: - What the runtime says

  public func published(_ answer: Answer) {
    guard !answer.isForUnissued else { return }
    state.withLock { state in
      let change = state.changes[answer.key].map { $0.revision <= answer.revision } ?? false
      if change { state.changes[answer.key] = nil }
      state.queue.add(answer, isChange: change)
    }
  }

  public func changed(_ issuer: IssuerIndex, _ certificate: ChangedCertificate) {
    let now = clock.monotonicNanoseconds()
    let algorithms = source().issuers[issuer].policy.presignedAlgorithms
    state.withLock { state in
      for algorithm in algorithms {
        let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: certificate.record.serial)
        guard state.changes.count < limits.queueLimit || state.changes[key] != nil else { continue }
        state.changes[key] = (certificate.revision, now)
      }
    }
  }

  /// Issuers of which something was left out since this was last asked: all of theirs has to be handed over again.
  public func takeIncomplete() -> Set<IssuerIndex> { state.withLock { $0.queue.takeIncomplete() } }

  /// Whether everything that was handed over has arrived.
  public var isSettled: Bool {
    state.withLock { state in
      state.queue.count == 0 && state.underWay == 0 && state.news.isEmpty && state.renewals.isEmpty
        && state.announcing == nil
    }
  }

  /// Why nothing arrives; nil while it does.
  public var failure: String? { state.withLock { $0.failure } }

  // MARK: - Sending

  /// Sends what may be sent now. False where there was nothing.
  public func turn() -> Bool {
    guard let token = token.withLock({ $0 }) else { return false }
    let now = clock.monotonicNanoseconds()
    let items = state.withLock { state in
      tellOverdueChanges(&state, now)
      let items = state.queue.take(max(0, limits.window - state.underWay))
      state.underWay += items.count
      return items
    }
    let directory = source()
    for item in items { write(item, token, directory) }
    return announceNext(token) || !items.isEmpty
  }

  private func tellOverdueChanges(_ state: inout State, _ now: Int64) {
    guard !state.changes.isEmpty else { return }
    let limit = now - limits.changePatienceMilliseconds * 1_000_000
    let directory = source()
    for (key, change) in state.changes where change.since <= limit {
      state.changes[key] = nil
      state.news.append(
        .changed(directory.issuers[key.issuer].sharedKey(key), change.revision, frame: []))
    }
  }

  private func write(_ item: PublisherQueue.Item, _ token: FencingToken, _ directory: IssuerDirectory) {
    let issuer = directory.issuers[item.key.issuer]
    let answer = item.answer
    let left = answer.times.nextUpdate.seconds(since: clock.now())
    guard left > 0, !issuer.isRetired else {
      state.withLock { $0.underWay -= 1 }
      return
    }
    let key = issuer.sharedKey(item.key)
    let frame = SharedAnswer(
      key: key, token: token, revision: answer.revision, times: answer.times,
      response: answer.prefix + directory.credentials[answer.credential].suffix
    ).encoded(hasher: hasher)
    let milliseconds = min(left, AnswerPublisher.longestAnswerMilliseconds / 1000) * 1000
    shared.store(frame, under: key, milliseconds: milliseconds) { [self] result in
      written(item, key, frame, result)
    }
  }

  private func written(
    _ item: PublisherQueue.Item, _ key: SharedKey, _ frame: [UInt8],
    _ result: Result<SharedWrite.Outcome, SharedCacheError>
  ) {
    switch result {
    case .success(.written): counters.written.add(1)
    case .success(.unchanged): counters.unchanged.add(1)
    case .success(.superseded): counters.superseded.add(1)
    case .success(.fenced): counters.fenced.add(1)
    case .failure: counters.failures.add(1)
    }
    state.withLock { state in
      state.underWay -= 1
      switch result {
      case .failure(let error):
        state.failure = error.description
        state.queue.putBack(item)
      case .success(.written), .success(.unchanged):
        state.failure = nil
        if item.isChange {
          state.news.append(.changed(key, item.answer.revision, frame: frame))
        } else if case .success(.written) = result {
          state.renewals.append(UpdateEntry.Renewal(key: key, producedAt: item.answer.times.producedAt))
        }
      // Something newer is there, or another origin is: it has told its own news.
      case .success(.superseded), .success(.fenced): break
      }
    }
  }

  /// Sends the next news, one entry at a time. False where none waits, or one is under way.
  private func announceNext(_ token: FencingToken) -> Bool {
    let entry = state.withLock { state -> UpdateEntry? in
      guard state.announcing == nil, let number = state.nextNumber else { return nil }
      if state.news.isEmpty, !state.renewals.isEmpty {
        state.news.append(.renewed(Array(state.renewals.prefix(UpdateEntry.maximumRenewals))))
        state.renewals.removeFirst(min(UpdateEntry.maximumRenewals, state.renewals.count))
      }
      guard !state.news.isEmpty else { return nil }
      let entry = UpdateEntry(number: number, token: token, news: state.news.removeFirst())
      state.announcing = entry
      return entry
    }
    guard let entry else { return false }
    shared.announce(entry.encoded(hasher: hasher)) { [self] result in
      state.withLock { state in
        guard state.announcing == entry else { return }
        state.announcing = nil
        switch result {
        case .success:
          state.nextNumber = entry.number &+ 1
          state.failure = nil
        case .failure(let error):
          // With the same number: who has heard it already ignores it.
          state.news.insert(entry.news, at: 0)
          state.failure = error.description
        }
      }
    }
    return true
  }
}

/// What a publisher counts, for metrics.
public final class PublisherCounters: Sendable {
  public let written = Counter()
  public let unchanged = Counter()
  /// Refused because the shared level had something newer.
  public let superseded = Counter()
  /// Refused because another origin has taken over.
  public let fenced = Counter()
  public let failures = Counter()

  init() {}
}
