import CalendarTime
import EventLoop
import HTTPClient
public import Responder
import Synchronization

/// Watches CRLs, in files and behind URLs, and brings what changes in them into the status store.
///
/// One thread looks at files, judges and commits; another one fetches. What is wrong changes nothing. Any thread may call.
public final class CRLWatcher: Sendable {
  /// How long things take, in milliseconds; other than these for tests.
  public struct Times: Sendable {
    /// How often files are looked at where nothing has told of a change.
    public var pollMilliseconds: Int64 = 30_000
    /// For so long a file must not have changed that nobody has told to be finished.
    public var settleMilliseconds: Int64 = 1000
    /// The first pause after a failure; the longest is the interval.
    public var firstPauseMilliseconds = 5000
    public var connectMilliseconds = 10_000
    /// For a whole fetch.
    public var fetchMilliseconds = 120_000

    public init() {}
  }

  static let maximumRedirects = 5
  /// Fetches that may be under way or waiting to be judged: so many CRLs may be in memory beside the one at work.
  static let maximumFetches = 4

  enum Message {
    case adopt([CRLFeed])
    case fetched(id: Int, CRLFetches.Outcome)
    case stop
  }

  let store: any StatusStore
  let revisions: any AppliedRevisions
  let cache: AnswerCache
  let clock: any Clock
  let log: CRLLog
  let times: Times
  let fetches: CRLFetches
  private let inbox = Mutex<[Message]>([])
  let bell: EventCounter
  private let published = Mutex<[CRLReport]>([])
  /// Issuers with a maximum age that the thread has been told of.
  private let guarded = Mutex<Set<StoreIssuerID>>([])
  private let closing = Atomic<Bool>(false)
  private let thread = Mutex<NamedThread?>(nil)

  /// - Parameters:
  ///   - revisions: who applies what is committed.
  ///   - cache: where it is said that some issuer's answers are withheld.
  public init(
    store: any StatusStore, revisions: any AppliedRevisions, cache: AnswerCache, clock: any Clock, log: CRLLog,
    times: Times = Times()
  ) throws {
    self.store = store
    self.revisions = revisions
    self.cache = cache
    self.clock = clock
    self.log = log
    self.times = times
    fetches = try CRLFetches(maximumConnections: CRLWatcher.maximumFetches)
    bell = try EventCounter()
  }

  /// Puts other feeds in force. What is known of a source that stays, is kept; an issuer that is new, and may not answer by
  /// an old CRL, answers nothing from now on until its first CRL has been read.
  public func adopt(_ feeds: [CRLFeed]) {
    let wanted = feeds.filter { $0.maximumAgeSeconds != nil }
    let known = guarded.withLock { guarded in
      defer { guarded = Set(wanted.map(\.storeID)) }
      return guarded
    }
    for feed in wanted where !known.contains(feed.storeID) {
      feed.progress.withhold(true)
      cache.withholdsSome(true)
    }
    send(.adopt(feeds))
  }

  /// Starts the threads. Throws where the store cannot be opened, and then nothing runs.
  public func start() throws {
    let worker = try CRLWorker(self, session: try store.openSession())
    fetches.start { [self] id, outcome in send(.fetched(id: id, outcome)) }
    let thread = NamedThread(name: "crl") { worker.run() }
    self.thread.withLock { $0 = thread }
  }

  /// Ends the threads; a CRL that is being read is given up where nothing of it is committed.
  public func stop() {
    closing.store(true, ordering: .releasing)
    fetches.stop()
    send(.stop)
    thread.withLock { $0.take() }?.join()
  }

  /// How each issuer's CRLs stand.
  public var reports: [CRLReport] { published.withLock { $0 } }

  /// Why answers are withheld, each issuer in a sentence.
  public var objections: [String] { reports.compactMap(\.objection) }

  /// What an operator should know, each in a sentence.
  public var warnings: [String] {
    let now = clock.now()
    return reports.flatMap { $0.warnings(at: now) }
  }

  var isClosing: Bool { closing.load(ordering: .acquiring) }

  private func send(_ message: Message) {
    inbox.withLock { $0.append(message) }
    bell.signal()
  }

  func takeMessages() -> [Message] {
    inbox.withLock { inbox in
      defer { inbox = [] }
      return inbox
    }
  }

  func publish(_ reports: [CRLReport]) { published.withLock { $0 = reports } }
}
