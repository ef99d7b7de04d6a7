import CalendarTime
import OCSP
import Responder

/// The certificates that are being purged at one cache, and how far each has come. Pure: outcomes come in, what is next comes
/// out.
struct PurgeLine: Sendable {
  struct Key: Sendable, Hashable {
    var issuer: StoreIssuerID
    var serial: SerialNumber

    init(_ order: PurgeOrder) {
      issuer = order.issuer
      serial = order.serial
    }
  }

  enum Phase: Sendable, Hashable {
    case purging
    case checking
    /// Until that time in monotonic milliseconds; then it is looked for the answer, or all of it begins again.
    case resting(until: Int64, onlyChecks: Bool)
    /// It has ended; the store has not been told.
    case ended
  }

  struct Work: Sendable {
    var order: PurgeOrder
    var phase = Phase.purging
    /// Requests that have not ended.
    var callsLeft = 0
    /// Purges of this try that the cache has taken.
    var callsDone = 0
    /// The first thing that went wrong in this try.
    var objection: PurgeObjection?
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
  /// How long the cache takes to forget once it has said so.
  private let settlingMilliseconds: Int64
  /// So many may be looked for beside what is purged; more take the places of those.
  private let maximumChecks: Int
  private(set) var works: [Key: Work] = [:]
  /// Those that have not ended.
  private(set) var activeCount = 0
  private var checkingCount = 0
  /// Those that take places: what is only looked for takes none from what is new, within a bound.
  var purgingCount: Int { activeCount - min(checkingCount, maximumChecks) }

  init(
    repeatAfterSeconds: Int64?, isChecked: Bool, settlingMilliseconds: Int64 = 0, maximumChecks: Int = .max
  ) {
    self.maximumChecks = maximumChecks
    self.repeatAfterSeconds = repeatAfterSeconds
    self.isChecked = isChecked
    self.settlingMilliseconds = settlingMilliseconds
  }

  var count: Int { works.count }
  /// Those that were purged or tried before.
  var laterCount: Int { works.values.count { $0.phase != .ended && ($0.order.isRepetition || $0.order.failures > 0) } }
  func contains(_ order: PurgeOrder) -> Bool { works[Key(order)] != nil }

  mutating func add(_ order: PurgeOrder) {
    works[Key(order)] = Work(order: order)
    activeCount += 1
  }

  /// A request was made for it.
  mutating func callBegins(_ key: Key) { works[key]?.callsLeft += 1 }

  /// A request for it has ended.
  mutating func callEnded(
    _ key: Key, _ objection: PurgeObjection?, isAbandoned: Bool = false, now: UnixTime, milliseconds: Int64
  ) -> Step {
    guard var work = works[key], work.callsLeft > 0 else { return .wait }
    work.callsLeft -= 1
    if work.phase == .purging, objection == nil, !isAbandoned { work.callsDone += 1 }
    work.objection = work.objection ?? objection
    work.isAbandoned = work.isAbandoned || isAbandoned
    works[key] = work
    return work.callsLeft == 0 ? next(key, now: now, milliseconds: milliseconds) : .wait
  }

  /// A request for it will not be made after all, since others are made in its place.
  mutating func forgetCall(_ key: Key) { if (works[key]?.callsLeft ?? 0) > 0 { works[key]?.callsLeft -= 1 } }

  /// A request for it will not be made: it goes back once none is under way.
  mutating func loseCall(_ key: Key) {
    forgetCall(key)
    works[key]?.isAbandoned = true
  }

  /// What is next where no request is under way: also for a phase without any.
  mutating func next(_ key: Key, now: UnixTime, milliseconds: Int64) -> Step {
    guard var work = works[key], work.phase != .ended else { return .wait }
    if work.isAbandoned {
      if work.phase == .checking { checkingCount -= 1 }
      works[key] = nil
      activeCount -= 1
      return .abandoned
    }
    let wasChecking = work.phase == .checking
    defer {
      works[key] = work
      if wasChecking { checkingCount -= 1 }
      if work.phase == .checking { checkingCount += 1 }
      if work.phase == .ended { activeCount -= 1 }
    }
    if let objection = work.objection { return fail(&work, objection, now: now, milliseconds: milliseconds) }
    if work.phase == .purging, isChecked {
      guard settlingMilliseconds == 0 else {
        work.phase = .resting(until: milliseconds + settlingMilliseconds, onlyChecks: true)
        return .rest
      }
      work.phase = .checking
      return .check
    }
    work.phase = .ended
    work.order.failures = 0
    guard let repeatAfterSeconds, !work.order.isRepetition else { return .settle(PurgeOutcome(work.order, .done)) }
    work.order.isRepetition = true
    return .settle(PurgeOutcome(work.order, .putOff(until: now.advanced(bySeconds: repeatAfterSeconds))))
  }

  private func fail(
    _ work: inout Work, _ objection: PurgeObjection, now: UnixTime, milliseconds: Int64
  ) -> Step {
    work.order.failures += 1
    // It has the old answer again: it is as if it had never been purged.
    if case .stale = objection { work.order.isRepetition = false }
    let pause = pause(afterFailures: work.order.failures)
    guard pause < PurgeLine.longestRestMilliseconds else {
      work.phase = .ended
      return .settle(PurgeOutcome(work.order, .putOff(until: now.advanced(bySeconds: pause / 1000))))
    }
    // The cache has said that it has forgotten: what was not seen is looked for once more.
    let onlyChecks = if case .unproven = objection { work.phase == .checking } else { false }
    work.phase = .resting(until: milliseconds + pause, onlyChecks: onlyChecks)
    return .rest
  }

  /// 5 ms, or as long as the cache takes to forget; four times as long after each further failure, and five minutes at most.
  func pause(afterFailures failures: Int) -> Int64 {
    let first = max(PurgeLine.firstRestMilliseconds, settlingMilliseconds)
    let (pause, isTooLong) = first.multipliedReportingOverflow(by: 1 << min(2 * Int64(max(0, failures - 1)), 40))
    return isTooLong ? PurgeLine.longestPauseMilliseconds : min(PurgeLine.longestPauseMilliseconds, pause)
  }

  /// Those whose rest is over: they are purged once more, or looked for.
  mutating func takeRested(milliseconds: Int64) -> [(key: Key, onlyChecks: Bool)] {
    var rested: [(key: Key, onlyChecks: Bool)] = []
    for (key, work) in works {
      guard case .resting(let until, let onlyChecks) = work.phase, until <= milliseconds else { continue }
      rested.append((key, onlyChecks))
    }
    for (key, onlyChecks) in rested {
      works[key]?.phase = onlyChecks ? .checking : .purging
      if onlyChecks { checkingCount += 1 }
      works[key]?.objection = nil
      works[key]?.callsDone = 0
    }
    return rested
  }

  /// When the first rest is over, in monotonic milliseconds.
  var nextRested: Int64? {
    works.values.compactMap { if case .resting(let until, _) = $0.phase { until } else { nil } }.min()
  }

  /// Whether the cache has taken a part of what this try asks of it, which would be asked again.
  func hasBegun(_ key: Key) -> Bool { (works[key]?.callsDone ?? 0) > 0 }

  /// The cache takes nothing at present: what it has taken no part of goes back, so that what is newest goes first once it
  /// does again. What is only looked for, or has ended, stays.
  mutating func abandonUnbegun() {
    for (key, work) in works {
      let isPurged: Bool =
        switch work.phase {
        case .purging: false
        case .resting(_, let onlyChecks): onlyChecks
        case .checking, .ended: true
        }
      // What is under way may yet be taken.
      guard !isPurged, work.callsDone == 0, work.callsLeft == 0 else { continue }
      works[key] = nil
      activeCount -= 1
    }
  }

  /// The store knows.
  mutating func remove(_ order: PurgeOrder) {
    guard let work = works.removeValue(forKey: Key(order)) else { return }
    if work.phase != .ended { activeCount -= 1 }
    if work.phase == .checking { checkingCount -= 1 }
  }

  /// There is nothing to do for it.
  mutating func end(_ order: PurgeOrder) {
    guard let work = works[Key(order)], work.phase != .ended else { return }
    if work.phase == .checking { checkingCount -= 1 }
    works[Key(order)]?.phase = .ended
    activeCount -= 1
  }
}
