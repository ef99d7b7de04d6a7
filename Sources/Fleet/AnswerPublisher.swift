import CalendarTime
import Metrics
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
    /// Answers that wait to be sent, changes that wait for their answers, and news.
    public var queueLimit = 200_000
    /// Answers under way at once.
    public var window = 1024
    /// So long a change waits for its answer before other nodes are told to forget the old one, in milliseconds.
    public var changePatienceMilliseconds: Int64 = 500
    /// So long nothing is sent after something has failed, in milliseconds.
    public var pauseMilliseconds: Int64 = 100
    /// After so long without news an empty entry is sent, so that whoever missed the last ones notices, in milliseconds.
    public var beatMilliseconds: Int64 = 1000

    public init() {}
  }

  private struct State {
    var queue: PublisherQueue
    /// Changes whose answers are not there yet.
    var changes: AwaitedChanges
    var news: PublisherNews
    var failure: String?
    /// Monotonic nanoseconds.
    var pauseEnd = Int64.min
    var lastNews = Int64.min / 2
  }

  private static let longestAnswerMilliseconds: Int64 = 400 * 86_400_000
  public let counters = PublisherCounters()
  private let shared: any SharedCache
  private let source: @Sendable () -> IssuerDirectory
  private let clock: any Clock
  private let hasher: any ResponseHasher
  private let limits: Limits
  private let selection: any PublicationSelection
  private let onWork: @Sendable () -> Void
  private let token = Mutex<FencingToken?>(nil)
  private let state: Mutex<State>

  /// - Parameters:
  ///   - directory: what is in force.
  ///   - selection: which answers are sent.
  ///   - onWork: called by any thread where `turn` has something to do; must not block.
  public init(
    shared: any SharedCache, directory: @escaping @Sendable () -> IssuerDirectory, limits: Limits, clock: any Clock,
    hasher: any ResponseHasher, selection: any PublicationSelection = EverythingSelected(),
    onWork: @escaping @Sendable () -> Void = {}
  ) {
    self.shared = shared
    source = directory
    self.limits = limits
    self.clock = clock
    self.hasher = hasher
    self.selection = selection
    self.onWork = onWork
    state = Mutex(
      State(
        queue: PublisherQueue(limit: limits.queueLimit), changes: AwaitedChanges(limit: limits.queueLimit),
        news: PublisherNews(limit: limits.queueLimit)))
  }

  /// Begins to send, as the origin of that token, behind the newest entry of the stream; nil stops it: another node is the
  /// origin.
  public func lead(_ token: FencingToken?, after newest: UpdateEntry?) {
    self.token.withLock { $0 = token }
    // An empty stream begins somewhere else each time: who remembers an earlier one sees a gap.
    let first = UInt64(bitPattern: clock.now().seconds(since: UnixTime(seconds: 0))) << 20
    let next = token == nil ? nil : (newest.map { $0.number &+ 1 } ?? first)
    state.withLock { $0.news.begin(at: next) }
    onWork()
  }

  // MARK: - What the runtime says

  public func published(_ answer: Answer) { publish(answer, of: nil) }

  /// - Parameters:
  ///   - ticket: of the walk that hands it over.
  ///   - isWanted: whether somebody waits to hear that it is there.
  func publish(_ answer: Answer, of ticket: WalkTicket?, isWanted: Bool = false) {
    guard !answer.isForUnissued else { return }
    let isSelected = selection.isSelected(answer.key, now: clock.monotonicNanoseconds())
    let isAdded = state.withLock { state in
      let change = state.changes.takes(answer.key, answer.revision)
      let isChange = change != .none
      // One that was sent earlier must not stay behind a change, whoever asks for it or not; and a walk puts right what was
      // lost.
      guard isSelected || isChange || ticket != nil else { return false }
      state.queue.add(
        answer,
        isChange: isChange, isWanted: isWanted, isUrgent: change == .revocation, onlyOver: !isSelected, ticket: ticket)
      return true
    }
    // Whoever walks takes turns by itself.
    if isAdded, ticket == nil { onWork() }
  }

  public func changed(_ issuer: IssuerIndex, _ certificate: ChangedCertificate) {
    let now = clock.monotonicNanoseconds()
    let algorithms = source().issuers[issuer].policy.presignedAlgorithms
    state.withLock { state in
      for algorithm in algorithms {
        let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: certificate.record.serial)
        let isRevocation = certificate.record.revocation != nil
        if !state.changes.add(key, certificate.revision, isRevocation: isRevocation, now: now) { state.news.lose() }
      }
    }
  }

  /// Somebody wanted an answer for a serial that was never issued.
  public func isUnissued(_ key: SharedKey) {
    state.withLock { $0.news.add(unissued: key) }
    onWork()
  }

  /// How many more answers there is room for, of those that can come again.
  public var room: Int { state.withLock { max(0, limits.queueLimit / 2 - $0.queue.count) } }

  /// Issuers of which something was left out since this was last asked: all of theirs has to be handed over again.
  public func takeIncomplete() -> Set<IssuerIndex> { state.withLock { $0.queue.takeIncomplete() } }

  /// Whether everything that was handed over has arrived.
  public var isSettled: Bool {
    state.withLock { $0.queue.count == 0 && $0.queue.underWayCount == 0 && $0.news.count == 0 }
  }

  /// Answers and news that wait, or are under way.
  public var backlog: (answers: Int, news: Int) {
    state.withLock { ($0.queue.count + $0.queue.underWayCount, $0.news.count) }
  }

  /// Why nothing arrives; nil while it does.
  public var failure: String? { state.withLock { $0.failure } }

  // MARK: - Sending

  /// Sends what may be sent now. False where there was nothing.
  public func turn() -> Bool {
    guard let token = token.withLock({ $0 }) else { return false }
    let now = clock.monotonicNanoseconds()
    let directory = source()
    let items = state.withLock { state in
      tellOverdueChanges(&state, now, directory)
      guard now >= state.pauseEnd else { return [PublisherQueue.Item]() }
      return state.queue.take(max(0, limits.window - state.queue.underWayCount))
    }
    for item in items { write(item, token, directory) }
    return announceNext(token, now) || !items.isEmpty
  }

  private func tellOverdueChanges(_ state: inout State, _ now: Int64, _ directory: IssuerDirectory) {
    let limit = now - limits.changePatienceMilliseconds * 1_000_000
    while let (key, revision) = state.changes.popOverdue(limit) {
      state.news.add(
        UpdateEntry.Change(key: directory.issuers[key.issuer].sharedKey(key), revision: revision, frame: []))
    }
  }

  private func write(_ item: PublisherQueue.Item, _ token: FencingToken, _ directory: IssuerDirectory) {
    let issuer = directory.issuers[item.key.issuer]
    let answer = item.answer
    let left = answer.times.nextUpdate.seconds(since: clock.now())
    guard left > 0, !issuer.isRetired else {
      state.withLock { $0.queue.finish(item.key) }
      item.ticket?.end()
      return
    }
    let key = issuer.sharedKey(item.key)
    let frame = SharedAnswer(
      key: key, token: token, revision: answer.revision, times: answer.times,
      response: answer.prefix + directory.credentials[answer.credential].suffix
    ).encoded(hasher: hasher)
    let milliseconds = min(left, AnswerPublisher.longestAnswerMilliseconds / 1000) * 1000
    shared.store(frame, under: key, milliseconds: milliseconds, onlyOver: item.onlyOver) { [self] result in
      written(item, key, frame, token, result)
    }
  }

  private func written(
    _ item: PublisherQueue.Item, _ key: SharedKey, _ frame: [UInt8], _ token: FencingToken,
    _ result: Result<SharedWrite.Outcome, SharedCacheError>
  ) {
    counters.count(result)
    let isStill = self.token.withLock { $0 } == token
    let isWindowHalfEmpty = state.withLock { state in
      defer { state.queue.finish(item.key) }
      switch result {
      case .failure(let error):
        fail(&state, error)
        state.queue.putBack(item)
      case .success(.written), .success(.replaced), .success(.unchanged), .success(.absent):
        state.failure = nil
        if item.isChange {
          // So that no node has to fetch what it is asked for most. What was issued a moment ago nobody has asked for yet.
          let travelling = item.isUrgent ? frame : []
          state.news.add(UpdateEntry.Change(key: key, revision: item.answer.revision, frame: travelling))
        } else if item.isWanted || result.hasReplaced {
          state.news.add(
            UpdateEntry.Renewal(
              key: key, revision: item.answer.revision, producedAt: item.answer.times.producedAt))
        }
      // Not by another origin, but by what this one has sent since it was given a new token.
      case .success(.fenced) where !isStill: state.queue.putBack(item)
      // Something newer is there, or another origin is: it has told its own news.
      case .success(.superseded), .success(.fenced): break
      }
      return state.queue.underWayCount <= limits.window / 2
    }
    switch result {
    case .failure: break
    case .success(.fenced) where !isStill: break
    case .success: item.ticket?.end()
    }
    // Not for each of a thousand: whoever takes turns would do nothing else.
    if item.isChange || isWindowHalfEmpty { onWork() }
  }

  private func fail(_ state: inout State, _ error: SharedCacheError) {
    state.failure = error.description
    state.pauseEnd = clock.monotonicNanoseconds() + limits.pauseMilliseconds * 1_000_000
  }

  /// Sends the next news, one entry at a time. False where none waits, or one is under way.
  private func announceNext(_ token: FencingToken, _ now: Int64) -> Bool {
    let entry = state.withLock { state -> UpdateEntry? in
      guard now >= state.pauseEnd else { return nil }
      if now - state.lastNews >= limits.beatMilliseconds * 1_000_000 { state.news.beat() }
      guard let entry = state.news.next(token) else { return nil }
      state.lastNews = now
      return entry
    }
    guard let entry else { return false }
    shared.announce(entry.encoded(hasher: hasher)) { [self] result in
      state.withLock { state in
        switch result {
        case .success:
          if state.news.ended(entry, hasArrived: true) { state.failure = nil }
        case .failure(let error):
          if state.news.ended(entry, hasArrived: false) { fail(&state, error) }
        }
      }
      onWork()
    }
    return true
  }
}

extension Result<SharedWrite.Outcome, SharedCacheError> {
  fileprivate var hasReplaced: Bool { if case .success(.replaced) = self { true } else { false } }
}

/// Which of an origin's answers go into the level that nodes share.
public protocol PublicationSelection: AnyObject, Sendable {
  /// Any thread may ask.
  func isSelected(_ key: ResponseKey, now: Int64) -> Bool
}

/// All of them.
public final class EverythingSelected: PublicationSelection {
  public init() {}
  public func isSelected(_ key: ResponseKey, now: Int64) -> Bool { true }
}
