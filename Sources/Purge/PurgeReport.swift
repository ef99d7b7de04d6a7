public import CalendarTime
import Metrics
public import Responder

/// What is counted of one cache. Any thread may add and read.
public final class PurgeCounters: Sendable {
  private let purged = Counter()
  private let repeated = Counter()
  private let stale = Counter()
  private let unproven = Counter()
  private let refused = Counter()
  private let unavailable = Counter()
  private let dropped = Counter()

  /// How a try at one certificate has ended, or, for `unavailable`, a request.
  public enum Result: String, Sendable, Hashable, CaseIterable {
    /// The cache has forgotten it; where checks are made, one has proved it.
    case purged
    /// The same for the second time.
    case repeated
    /// The cache still had the old answer.
    case stale
    /// What came through the cache neither proves nor disproves it.
    case unproven
    /// The cache does not take the request.
    case refused
    /// The cache, or its interface, could not be reached or takes nothing at present.
    case unavailable
    /// Its issuer is configured no more.
    case dropped
  }

  private func counter(_ result: Result, _ body: (borrowing Counter) -> Void) {
    switch result {
    case .purged: body(purged)
    case .repeated: body(repeated)
    case .stale: body(stale)
    case .unproven: body(unproven)
    case .refused: body(refused)
    case .unavailable: body(unavailable)
    case .dropped: body(dropped)
    }
  }

  func add(_ result: Result) { counter(result) { $0.add(1) } }

  public func current(_ result: Result) -> UInt64 {
    var value: UInt64 = 0
    counter(result) { value = $0.current }
    return value
  }
}

/// How one cache stands.
public struct PurgeReport: Sendable {
  public var cache: String
  public var counters: PurgeCounters
  public var backlog: PurgeBacklog
  /// What is wrong at present, in a sentence; nil where nothing is.
  public var trouble: String?

  /// How long the oldest order has waited, in seconds.
  public func age(at now: UnixTime) -> Int64 { backlog.oldest.map { max(0, now.seconds(since: $0)) } ?? 0 }
}

/// Where purging says what an operator should know. Any thread may call.
public struct PurgeLog: Sendable {
  public static let silent = PurgeLog(info: { _ in }, warning: { _ in })
  public var info: @Sendable (String) -> Void
  public var warning: @Sendable (String) -> Void

  public init(info: @escaping @Sendable (String) -> Void, warning: @escaping @Sendable (String) -> Void) {
    self.info = info
    self.warning = warning
  }
}
