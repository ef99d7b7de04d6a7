import CalendarTime
import EventLoop
import OpenSSLCrypto
public import RedisClient
public import Responder
import Synchronization

/// Takes events from a stream of Redis, as one consumer of a group: an entry is acknowledged once it is durable and in force.
///
/// What a consumer that is gone has left is claimed. An entry that can never be taken goes to the stream of the dead, with the
/// reason, after some tries; one that could not be taken for another reason (the store, no room) is tried for ever.
///
/// A thread, `stream`, does the work; the Redis client's own hands it what comes.
public final class StreamSubscriber: Sendable {
  public struct Options: Sendable {
    public var stream: String
    public var group: String
    /// Stays the same over restarts.
    public var consumer: String
    /// Behind so many tries an entry that cannot be taken is put away.
    public var tries = 5
    /// So long an entry is left to whoever has it before it is tried again, in milliseconds.
    public var retryMilliseconds: Int64 = 5000
    /// Entries of the stream of the dead that are kept, about.
    public var deadLength = 10_000

    public init(stream: String, group: String, consumer: String) {
      self.stream = stream
      self.group = group
      self.consumer = consumer
    }

    public var deadStream: String { stream + ":dead" }

    /// A key at which nothing is ever written, on the same node of a cluster.
    fileprivate var nowhere: String { stream.contains("{") ? stream + ":nowhere" : "{\(stream)}:nowhere" }
  }

  private static let blockMilliseconds = 300
  static let entriesAtOnce = 256
  static let pagesAtOnce = 40
  /// After a reply that was too long entries are read one by one, for so many.
  private static let readAlone = 256
  /// Entries that are in this node's hands: more are not read. Those that were left for another try are in Redis' alone.
  private static let entriesAhead = 1024
  static let commandMilliseconds = 2000

  struct State {
    var inbox: [StreamEntry] = []
    /// Handed to the intake, by their places.
    var underWay: Set<String> = []
    var isStopping = false
    var failure: String?
    var hasGroup = false
    /// Whether what was left by an earlier process was claimed: before that nothing new is read, so that nothing is taken twice.
    var hasRecovered = false
    /// So many are read one by one.
    var alone = 0
    /// Entries whose replies were longer than the client takes, by their places.
    var tooLong: [String] = []
    /// Why entries cannot be acknowledged or put away.
    var settlingFailure: String?
  }

  public let counters = StreamCounters()
  let client: RedisClient
  private let intake: EventIntake
  let options: Options
  private let clock: any Clock
  private let mayRead: @Sendable () -> Bool
  let log: @Sendable (String) -> Void
  private let subjects: Mutex<[String: EventSubject]>
  let state = Mutex(State())
  private let signal = ThreadSignal()
  private let thread = Mutex<NamedThread?>(nil)
  private let listener = Mutex<RedisListener?>(nil)

  /// - Parameters:
  ///   - client: started and stopped by its owner.
  ///   - subjects: the issuers that this stream may speak for.
  ///   - mayRead: whether this node takes events at present.
  ///   - log: gets a line where the stream cannot be read, and for each entry that is put away.
  public init(
    _ client: RedisClient, _ intake: EventIntake, _ options: Options, clock: any Clock, subjects: [EventSubject],
    mayRead: @escaping @Sendable () -> Bool, log: @escaping @Sendable (String) -> Void
  ) {
    self.client = client
    self.intake = intake
    self.options = options
    self.clock = clock
    self.mayRead = mayRead
    self.log = log
    self.subjects = Mutex([:])
    replace(subjects)
  }

  public func replace(_ new: [EventSubject]) {
    subjects.withLock { $0 = Dictionary(new.map { ($0.name, $0) }) { first, _ in first } }
  }

  /// Why nothing comes from the stream; nil while something may.
  public var failure: String? { state.withLock { $0.failure ?? $0.settlingFailure } }

  public func start() {
    thread.withLock { $0 = NamedThread(name: "stream") { self.run() } }
    listener.withLock { $0 = client.listen { self.next($0) } }
  }

  public func stop() {
    listener.withLock { $0?.stop() }
    state.withLock { $0.isStopping = true }
    signal.ring()
    thread.withLock { $0.take() }?.join()
  }

  // MARK: - Reading, on the client's thread

  private func next(_ result: Result<RedisValue, RedisFailure>?) -> RedisListenerCommand? {
    switch result {
    case nil: break
    case .failure(let failure)?:
      if case .stopped = failure.reason { return nil }
      note(failure)
    case .success(let value)?: take(value)
    }
    let (hasRoom, hasGroup) = state.withLock { state in
      (
        state.hasRecovered && state.inbox.count + state.underWay.count < StreamSubscriber.entriesAhead, state.hasGroup
      )
    }
    guard mayRead() else { return pause }
    guard hasGroup else {
      return RedisListenerCommand(
        // From the beginning: what a CA wrote before this node was first started counts too.
        RedisCommand("XGROUP", "CREATE", options.stream, options.group, "0", "MKSTREAM", keyAt: 2),
        answerWithinMilliseconds: 1000)
    }
    return hasRoom ? read : pause
  }

  private func note(_ failure: RedisFailure) {
    guard case .serverError(let text) = failure.reason else {
      // What it had is pending, and is claimed one by one.
      if failure.isTooLong { state.withLock { $0.alone = StreamSubscriber.readAlone } }
      return fail(failure.description)
    }
    // Both mean what they say: it is there, or it has gone with everything else.
    if text.hasPrefix("BUSYGROUP") {
      state.withLock { $0.hasGroup = true }
    } else if text.hasPrefix("NOGROUP") {
      state.withLock { $0.hasGroup = false }
    } else {
      fail(failure.description)
    }
  }

  func fail(_ why: String) {
    let isNew = state.withLock { state in
      defer { state.failure = why }
      return state.failure != why
    }
    if isNew { log("events cannot be read from the stream '\(options.stream)': \(why)") }
  }

  /// Notes that what was taken cannot be acknowledged, or what cannot be taken not be put away.
  func failSettling(_ why: String) {
    let isNew = state.withLock { state in
      defer { state.settlingFailure = why }
      return state.settlingFailure == nil
    }
    if isNew { log("entries of the stream '\(options.stream)' stay pending: \(why)") }
  }

  private func take(_ value: RedisValue) {
    let entries = StreamEntry.read(value, isOfStreams: true)
    let wasFailing = state.withLock { state in
      state.inbox += entries
      state.alone = max(0, state.alone - entries.count)
      if case .simple("OK") = value { state.hasGroup = true }
      // The pause says nothing of the stream.
      return state.hasGroup && state.hasRecovered && state.failure.take() != nil
    }
    if wasFailing { log("events are read from the stream '\(options.stream)' again") }
    if !entries.isEmpty { signal.ring() }
  }

  private var read: RedisListenerCommand {
    let count = state.withLock { $0.alone > 0 } ? 1 : StreamSubscriber.entriesAtOnce
    let words = [
      "XREADGROUP", "GROUP", options.group, options.consumer, "COUNT", "\(count)", "BLOCK",
      "\(StreamSubscriber.blockMilliseconds)", "STREAMS", options.stream, ">",
    ]
    return RedisListenerCommand(
      RedisCommand(words: words.map { Array($0.utf8) }, key: Array(options.stream.utf8)),
      answerWithinMilliseconds: StreamSubscriber.blockMilliseconds + 1000)
  }

  /// Keeps the connection for a moment where nothing more is to be read.
  private var pause: RedisListenerCommand {
    RedisListenerCommand(
      RedisCommand("XREAD", "BLOCK", "50", "STREAMS", options.nowhere, "$", keyAt: 4),
      answerWithinMilliseconds: 1000)
  }

  // MARK: - Taking in, on a thread of its own

  private func run() {
    // What this node was about when it ended, it takes up at once.
    var idle: Int64 = 0
    var nextRecovery = Int64.min
    while !state.withLock({ $0.isStopping }) {
      let entries = state.withLock { state in
        defer { state.inbox = [] }
        return state.inbox
      }
      for entry in entries { submit(entry, deliveries: 1) }
      let now = clock.monotonicNanoseconds()
      if now >= nextRecovery, mayRead(), state.withLock({ $0.hasGroup }) {
        let found = recover(idle: idle)
        if found == .nothing {
          idle = options.retryMilliseconds
          state.withLock { $0.hasRecovered = true }
        }
        // Where there was a full page there is another one.
        nextRecovery = found == .more ? now : now + 1_000_000_000
      }
      signal.wait(milliseconds: 200)
    }
  }

  func submit(_ entry: StreamEntry, deliveries: Int) {
    let message: StatusMessage
    do throws(EventPayload.Failure) {
      message = try read(entry)
    } catch {
      return refuse(entry, error.text, deliveries)
    }
    guard state.withLock({ $0.underWay.insert(entry.place).inserted }) else { return }
    do throws(EventIntake.Refusal) {
      try intake.submit(message) { [self] result in settled(entry, deliveries, result) }
    } catch {
      // It stays with this consumer, and comes again.
      state.withLock { _ = $0.underWay.remove(entry.place) }
      counters.postponed.add()
    }
  }

  private func read(_ entry: StreamEntry) throws(EventPayload.Failure) -> StatusMessage {
    guard let body = entry.payload else {
      throw EventPayload.Failure(field: "", why: "the entry has no field 'payload'")
    }
    guard let id = entry.id else {
      throw EventPayload.Failure(field: "id", why: "a text of 1 to 256 octets without control characters is expected")
    }
    let payload = try EventPayload.read(body.span)
    guard let subject = subjects.withLock({ $0[payload.issuer] }) else {
      throw EventPayload.Failure(
        field: "data.issuer", why: "this stream may not speak for an issuer '\(payload.issuer.shortened)'")
    }
    let statement = try EventReader(subject: subject, now: clock.now()).statement(payload)
    return StatusMessage(
      id: "stream/\(subject.storeID.value)/\(id)", digest: OpenSSLHasher().sha256(body, []),
      issuer: subject.storeID, statement: statement)
  }

  /// On a thread of the intake.
  private func settled(_ entry: StreamEntry, _ deliveries: Int, _ result: EventIntake.Result) {
    defer { state.withLock { _ = $0.underWay.remove(entry.place) } }
    switch result {
    case .settled(.taken), .settled(.repeated):
      counters.taken.add()
      acknowledge(entry.place)
    case .settled(.contradicted(let contradiction)): refuse(entry, contradiction.text, deliveries)
    case .settled(.idTaken): refuse(entry, "id: another message was taken under it", deliveries)
    case .failed, .notApplied: counters.postponed.add()
    }
  }

  /// Where that is lost, the entry comes again, and is known.
  func acknowledge(_ place: String) {
    let command = RedisCommand("XACK", options.stream, options.group, place, keyAt: 1)
    client.perform(command, deadlineMilliseconds: StreamSubscriber.commandMilliseconds) { [self] result in
      if case .failure(let failure) = result { return failSettling("XACK: \(failure)") }
      state.withLock { $0.settlingFailure = nil }
    }
  }

  /// Leaves an entry for another try, or puts it away.
  private func refuse(_ entry: StreamEntry, _ why: String, _ deliveries: Int) {
    guard deliveries >= options.tries else { return counters.refused.add() }
    putAway(entry.place, entry.fields, why)
  }
}

extension RedisFailure {
  /// Whether the reply was longer than the client takes.
  var isTooLong: Bool {
    if case .notConnected(let why) = reason { why.hasPrefix("a reply of more than") } else { false }
  }
}
