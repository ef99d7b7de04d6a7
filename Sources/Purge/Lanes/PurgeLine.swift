import CalendarTime
import OCSP
import Responder

/// The certificates that are being purged at one cache, and how far each has come. Pure: outcomes come in, what is next comes
/// out.
struct PurgeLine {
  struct Key: Sendable, Hashable {
    var issuer: StoreIssuerID
    var serial: SerialNumber

    init(_ order: PurgeOrder) {
      issuer = order.issuer
      serial = order.serial
    }
  }

  /// Why a try has failed.
  enum Objection: Sendable, Hashable {
    /// The cache still had what is not true any more.
    case stale(String)
    /// Nothing has shown that it has not.
    case unproven(String)
    case refused(String)

    var result: PurgeCounters.Result {
      switch self {
      case .stale: .stale
      case .unproven: .unproven
      case .refused: .refused
      }
    }

    var text: String {
      switch self {
      case .stale(let what): "the cache still answered: \(what)"
      case .unproven(let why): "it could not be looked whether the answer is gone: \(why)"
      case .refused(let why): "the cache does not take the request: \(why)"
      }
    }
  }

  enum Phase: Sendable, Hashable {
    case purging
    case checking
    /// After a failure, until that time in monotonic milliseconds.
    case resting(until: Int64)
    /// It has ended; the store has not been told.
    case ended
  }

  struct Work: Sendable {
    var order: PurgeOrder
    var phase = Phase.purging
    /// Requests that have not ended.
    var callsLeft = 0
    /// The first thing that went wrong in this try.
    var objection: Objection?
    /// Whether it goes back to where it came from once no request is under way.
    var isAbandoned = false
  }

  /// What is next for a certificate.
  enum Step: Sendable, Hashable {
    case wait
    case check
    case settle(PurgeOutcome)
    case rest
    case abandoned
  }

  /// Up to so long a failure is waited for here; the store waits longer ones.
  private static let longestRestMilliseconds: Int64 = 2000
  private static let firstRestMilliseconds: Int64 = 5
  private static let longestPauseMilliseconds: Int64 = 300_000
  private let repeatAfterSeconds: Int64?
  private let isChecked: Bool
  private(set) var works: [Key: Work] = [:]

  init(repeatAfterSeconds: Int64?, isChecked: Bool) {
    self.repeatAfterSeconds = repeatAfterSeconds
    self.isChecked = isChecked
  }

  var count: Int { works.count }
  func contains(_ order: PurgeOrder) -> Bool { works[Key(order)] != nil }

  mutating func add(_ order: PurgeOrder) { works[Key(order)] = Work(order: order) }

  /// A request was made for it.
  mutating func callBegins(_ key: Key) { works[key]?.callsLeft += 1 }

  /// A request for it has ended.
  mutating func callEnded(
    _ key: Key, _ objection: Objection?, isAbandoned: Bool = false, now: UnixTime, milliseconds: Int64
  ) -> Step {
    guard var work = works[key], work.callsLeft > 0 else { return .wait }
    work.callsLeft -= 1
    work.objection = work.objection ?? objection
    work.isAbandoned = work.isAbandoned || isAbandoned
    works[key] = work
    return work.callsLeft == 0 ? next(key, now: now, milliseconds: milliseconds) : .wait
  }

  /// What is next where no request is under way: also for a phase without any.
  mutating func next(_ key: Key, now: UnixTime, milliseconds: Int64) -> Step {
    guard var work = works[key] else { return .wait }
    if work.isAbandoned {
      works[key] = nil
      return .abandoned
    }
    defer { works[key] = work }
    if work.objection != nil {
      work.order.failures += 1
      let pause = PurgeLine.pause(afterFailures: work.order.failures)
      if pause < PurgeLine.longestRestMilliseconds {
        work.phase = .resting(until: milliseconds + pause)
        return .rest
      }
      work.phase = .ended
      return .settle(PurgeOutcome(work.order, .putOff(until: now.advanced(bySeconds: pause / 1000))))
    }
    if work.phase == .purging, isChecked {
      work.phase = .checking
      return .check
    }
    work.phase = .ended
    work.order.failures = 0
    guard let repeatAfterSeconds, !work.order.isRepetition else { return .settle(PurgeOutcome(work.order, .done)) }
    work.order.isRepetition = true
    return .settle(PurgeOutcome(work.order, .putOff(until: now.advanced(bySeconds: repeatAfterSeconds))))
  }

  /// 5 ms, four times as long after each further failure, and five minutes at most.
  static func pause(afterFailures failures: Int) -> Int64 {
    min(longestPauseMilliseconds, firstRestMilliseconds << min(2 * Int64(max(0, failures - 1)), 40))
  }

  /// Those whose rest is over: they are purged once more.
  mutating func takeRested(milliseconds: Int64) -> [Key] {
    var rested: [Key] = []
    for (key, work) in works {
      guard case .resting(let until) = work.phase, until <= milliseconds else { continue }
      rested.append(key)
    }
    for key in rested {
      works[key]?.phase = .purging
      works[key]?.objection = nil
    }
    return rested
  }

  /// When the first rest is over, in monotonic milliseconds.
  var nextRested: Int64? {
    works.values.compactMap { if case .resting(let until) = $0.phase { until } else { nil } }.min()
  }

  /// The cache cannot be reached: what is not settled goes back, once no request for it is under way. Gives those that have
  /// gone.
  mutating func abandonAll() {
    for (key, work) in works where work.phase != .ended {
      if work.callsLeft == 0 { works[key] = nil } else { works[key]?.isAbandoned = true }
    }
  }

  /// Requests for it that were never begun will not be.
  mutating func forgetCalls(_ key: Key) {
    guard var work = works[key], work.callsLeft > 0 else { return }
    work.callsLeft -= 1
    works[key] = work
  }

  /// The store knows.
  mutating func remove(_ order: PurgeOrder) { works[Key(order)] = nil }
}
