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
    /// Answers of a walk that wait to be sent: more of them would only take memory.
    public var walkedAhead = 1024
    /// So long a change waits for its answer before other nodes are told to forget the old one, in milliseconds.
    public var changePatienceMilliseconds: Int64 = 500
    /// So long nothing is sent after something has failed, in milliseconds.
    public var pauseMilliseconds: Int64 = 100
    /// After so long without news an empty entry is sent, so that whoever missed the last ones notices, in milliseconds.
    public var beatMilliseconds: Int64 = 1000

    public init() {}
  }

  struct State {
    var queue: PublisherQueue
    /// Changes whose answers are not there yet.
    var changes: AwaitedChanges
    var news: PublisherNews
    var untold: UntoldChanges
    var failure: String?
    /// Monotonic nanoseconds.
    var pauseEnd = Int64.min
    var lastNews = Int64.min / 2

    /// False where it need not be sent.
    mutating func add(_ answer: Answer, isSelected: Bool, isWanted: Bool, ticket: WalkTicket?, now: Int64) -> Bool {
      guard !answer.isForUnissued else { return false }
      let change = changes.takes(answer.key, answer.revision)
      let isChange = change != .none
      // One that was sent earlier must not stay behind a change, whoever asks for it or not; and a walk puts right what was
      // lost.
      guard isSelected || isChange || ticket != nil else { return false }
      queue.add(
        answer, isChange: isChange, isWanted: isWanted, isUrgent: change == .revocation, onlyOver: !isSelected,
        ticket: ticket, since: now)
      return true
    }
  }

  /// Writes whose outcomes have come since the last turn.
  private struct Ended {
    var batches: [WriteBatch] = []
    var count = 0
    /// Those that were sent and whose outcomes no turn has seen.
    var sent = 0
  }

  private static let longestAnswerMilliseconds: Int64 = 400 * 86_400_000
  /// Few enough that the first are on their way while the next are encoded.
  private static let writesAtOnce = 256
  private static let overdueAtOnce = 5000
  public let counters = PublisherCounters()
  private let shared: any SharedCache
  let source: @Sendable () -> IssuerDirectory
  let clock: any Clock
  private let hasher: any ResponseHasher
  let limits: Limits
  private let selection: any PublicationSelection
  private let onWork: @Sendable () -> Void
  private let onTold: @Sendable () -> Void
  private let token = Mutex<FencingToken?>(nil)
  let state: Mutex<State>
  private let ended = Mutex(Ended())

  /// - Parameters:
  ///   - directory: what is in force.
  ///   - selection: which answers are sent.
  ///   - onWork: called by any thread where `turn` has something to do; must not block.
  ///   - onTold: called by any thread where other nodes have been told of changes; must not block.
  public init(
    shared: any SharedCache, directory: @escaping @Sendable () -> IssuerDirectory, limits: Limits, clock: any Clock,
    hasher: any ResponseHasher, selection: any PublicationSelection = EverythingSelected(),
    onWork: @escaping @Sendable () -> Void = {}, onTold: @escaping @Sendable () -> Void = {}
  ) {
    self.shared = shared
    source = directory
    self.limits = limits
    self.clock = clock
    self.hasher = hasher
    self.selection = selection
    self.onWork = onWork
    self.onTold = onTold
    state = Mutex(
      State(
        queue: PublisherQueue(limit: limits.queueLimit), changes: AwaitedChanges(limit: limits.queueLimit),
        news: PublisherNews(limit: limits.queueLimit), untold: UntoldChanges(limit: limits.queueLimit)))
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

  public func published(_ answer: Answer) { publish(answer) }

  /// - Parameter isWanted: whether somebody waits to hear that it is there.
  func publish(_ answer: Answer, isWanted: Bool = false) {
    let now = clock.monotonicNanoseconds()
    let isSelected = selection.isSelected(answer.key, now: now)
    if state.withLock({ $0.add(answer, isSelected: isSelected, isWanted: isWanted, ticket: nil, now: now) }) {
      onWork()
    }
  }

  /// What a walk hands over; whoever walks takes turns by itself.
  func publish(_ answers: [Answer], of ticket: WalkTicket) {
    let now = clock.monotonicNanoseconds()
    let selected = answers.map { selection.isSelected($0.key, now: now) }
    state.withLock { state in
      for (answer, isSelected) in zip(answers, selected) {
        _ = state.add(answer, isSelected: isSelected, isWanted: false, ticket: ticket, now: now)
      }
    }
  }

  public func changed(_ issuer: IssuerIndex, _ certificate: ChangedCertificate) {
    let now = clock.monotonicNanoseconds()
    let owner = source().issuers[issuer]
    state.withLock { state in
      for algorithm in owner.policy.presignedAlgorithms {
        let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: certificate.record.serial)
        let isRevocation = certificate.record.revocation != nil
        if !state.changes.add(key, certificate.revision, isRevocation: isRevocation, now: now) { state.news.lose() }
        state.untold.add(owner.sharedKey(key), certificate.revision, now: now)
      }
    }
  }

  /// Somebody wanted an answer for a serial that was never issued.
  public func isUnissued(_ key: SharedKey) {
    state.withLock { $0.news.add(unissued: key) }
    onWork()
  }

  // MARK: - Sending

  /// Sends what may be sent now. False where there was nothing.
  public func turn() -> Bool {
    guard let token = token.withLock({ $0 }) else { return state.withLock { takeOutcomes(&$0) } }
    let now = clock.monotonicNanoseconds()
    let present = source()
    let (hasHeard, mayWrite) = state.withLock { state in
      let hasHeard = takeOutcomes(&state)
      tellOverdueChanges(&state, now, present)
      return (hasHeard, now >= state.pauseEnd)
    }
    let hasWritten = mayWrite && writeAll(token)
    return announceNext(token, now) || hasWritten || hasHeard
  }

  /// As many as may be under way. False where there are none.
  private func writeAll(_ token: FencingToken) -> Bool {
    var hasWritten = false
    while true {
      let items = state.withLock { state in
        state.queue.take(min(limits.window - state.queue.underWayCount, AnswerPublisher.writesAtOnce))
      }
      guard !items.isEmpty else { return hasWritten }
      hasWritten = true
      // After they are taken: one may be signed by whom a reload has brought meanwhile.
      write(items, token, source())
    }
  }

  private func tellOverdueChanges(_ state: inout State, _ now: Int64, _ directory: IssuerDirectory) {
    let limit = now - limits.changePatienceMilliseconds * 1_000_000
    // Some at a time: signers and the follower wait for the lock.
    for _ in 0..<AnswerPublisher.overdueAtOnce {
      guard let (key, revision) = state.changes.popOverdue(limit) else { return }
      // Of an issuer that has come meanwhile nobody has an answer yet.
      guard Int(key.issuer.value) < directory.issuers.issuers.count else { continue }
      state.news.add(
        UpdateEntry.Change(key: directory.issuers[key.issuer].sharedKey(key), revision: revision, frame: []))
    }
  }

  private func write(
    _ items: [PublisherQueue.Item], _ token: FencingToken, _ directory: IssuerDirectory
  ) {
    let now = clock.now()
    let made = items.indices.map { frame(of: items[$0], token, directory, now) }
    var items = items
    if made.contains(where: { $0 == nil }) {
      state.withLock { state in
        for place in items.indices where made[place] == nil { state.queue.finish(items[place].slot) }
      }
      for place in items.indices where made[place] == nil { items[place].ticket?.end() }
      items = items.indices.filter { made[$0] != nil }.map { items[$0] }
      guard !items.isEmpty else { return }
    }
    let batch = WriteBatch(items, made.compactMap { $0 }, token)
    ended.withLock { $0.sent += batch.items.count }
    shared.store(batch.frames) { [self, batch] place, result in written(place, of: batch, result) }
  }

  /// Nil for what has ended, and for what nobody is told of any more.
  private func frame(
    of item: PublisherQueue.Item, _ token: FencingToken, _ directory: IssuerDirectory, _ now: UnixTime
  ) -> SharedFrame? {
    let left = item.answer.times.nextUpdate.seconds(since: now)
    guard left > 0, let name = directory.sharedName(of: item.key.issuer) else { return nil }
    let key = SharedKey(issuer: name, hashAlgorithm: item.key.hashAlgorithm, serial: item.key.serial)
    let octets = SharedAnswer.encoded(
      key: key, token: token, revision: item.answer.revision, times: item.answer.times,
      isSignedAhead: directory.isSignedAhead(item.key.hashAlgorithm, of: item.key.issuer),
      response: item.answer.prefix,
      directory.credentials[item.answer.credential].suffix, digest: item.answer.digest, hasher: hasher)
    let milliseconds = min(left, AnswerPublisher.longestAnswerMilliseconds / 1000) * 1000
    return SharedFrame(octets: octets, key: key, milliseconds: milliseconds, onlyOver: item.onlyOver)
  }

  /// Notes what became of a write. On the thread of the shared level, which is kept no longer than that: what follows from it
  /// is done in the next turn, and the memory of the writes goes back to the thread that took it.
  private func written(
    _ place: Int, of batch: WriteBatch, _ result: Result<SharedWrite.Outcome, SharedCacheError>
  ) {
    counters.count(result)
    let rings = ended.withLock { ended in
      if batch.note(result, at: place) { ended.batches.append(batch) }
      ended.count += 1
      // Not for each of a thousand: whoever takes turns would do nothing else.
      return batch.items[place].isChange || ended.count == limits.window / 2 || ended.count == ended.sent
    }
    if rings { onWork() }
  }

  /// False where nothing has ended since the last turn.
  private func takeOutcomes(_ state: inout State) -> Bool {
    let ended = ended.withLock { held -> [(WriteBatch, [WriteBatch.Outcome])] in
      defer { held = Ended(sent: held.sent - held.count) }
      return held.batches.map { ($0, $0.takeOutcomes()) }
    }
    for (batch, outcomes) in ended {
      for outcome in outcomes { take(outcome, of: batch, &state) }
    }
    return !ended.isEmpty
  }

  private func take(_ outcome: WriteBatch.Outcome, of batch: WriteBatch, _ state: inout State) {
    // Where they stand: a copy of an item counts references.
    let place = outcome.place
    defer { state.queue.finish(batch.items[place].slot) }
    switch outcome.result {
    case .failure(let error):
      fail(&state, error)
      return state.queue.putBack(batch.items[place])
    case .success(.written), .success(.replaced), .success(.unchanged), .success(.absent):
      state.failure = nil
      if batch.items[place].isChange {
        // So that no node has to fetch what it is asked for most. What was issued a moment ago nobody has asked for yet.
        let frame = batch.items[place].isUrgent ? batch.frames[place].octets : []
        state.news.add(
          UpdateEntry.Change(
            key: batch.frames[place].key, revision: batch.items[place].answer.revision, frame: frame))
      } else if batch.items[place].isWanted || outcome.result.hasReplaced {
        state.news.add(
          UpdateEntry.Renewal(
            key: batch.frames[place].key, revision: batch.items[place].answer.revision,
            producedAt: batch.items[place].answer.times.producedAt))
      }
    // Not by another origin, but by what this one has sent since it was given a new token.
    case .success(.fenced) where token.withLock({ $0 }) != batch.token:
      return state.queue.putBack(batch.items[place])
    // Something newer is there, or another origin is: it has told its own news.
    case .success(.superseded), .success(.fenced): break
    }
    batch.items[place].ticket?.end()
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
          guard state.news.ended(entry, hasArrived: true) else { return }
          state.failure = nil
          if case .changed(let changes) = entry.news {
            for change in changes { state.untold.tell(change.key, change.revision) }
          }
        case .failure(let error):
          if state.news.ended(entry, hasArrived: false) { fail(&state, error) }
        }
      }
      onWork()
      if case .changed = entry.news { onTold() }
    }
    return true
  }
}

extension Result<SharedWrite.Outcome, SharedCacheError> {
  fileprivate var hasReplaced: Bool { if case .success(.replaced) = self { true } else { false } }
}
