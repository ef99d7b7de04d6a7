import CalendarTime
import OCSP
import Responder
import Synchronization

/// What a lane tells: the log, of a few certificates one by one and of many as a number, and the report for metrics.
///
/// Its lane's thread calls it; any thread may ask for the report.
final class PurgeJournal: Sendable {
  private static let shownEachSecond = 20
  /// From so many failures in a row on an operator should know.
  private static let failuresToTell = 6
  private static let blindChecksToTell = 4
  private static let maximumFailing = 10_000

  private struct State {
    var backlog = PurgeBacklog(orders: 0, oldest: nil)
    /// Why the cache, or its interface, takes nothing.
    var outage: String?
    var readFailure: String?
    var settlingFailure: String?
    /// Checks in a row that have shown nothing, and why the last one.
    var blindChecks = 0
    var blindness = ""
    /// Certificates that fail again and again, with the last reason.
    var failing: [PurgeLine.Key: String] = [:]
    /// Lines of this second.
    var second: Int64 = 0
    var shown = 0
    /// Certificates that are gone, and of which no line says so.
    var untold = 0

    /// Whether a line may be written, of those that there may be many of.
    mutating func mayShow(_ now: UnixTime) -> Bool {
      if second != now.seconds { (second, shown) = (now.seconds, 0) }
      shown += 1
      return shown <= PurgeJournal.shownEachSecond
    }
  }

  private let name: String
  private let log: PurgeLog
  private let state = Mutex(State())

  init(_ name: String, _ log: PurgeLog) {
    self.name = name
    self.log = log
  }

  func report(_ counters: PurgeCounters) -> PurgeReport {
    state.withLock { state in
      var trouble: String?
      if let why = state.readFailure ?? state.settlingFailure {
        trouble = "purge '\(name)': the store does not give or take orders: \(why)"
      } else if let why = state.outage {
        trouble = "purge '\(name)': \(state.backlog.orders) wait, since the cache takes no purges: \(why)"
      } else if state.blindChecks >= PurgeJournal.blindChecksToTell {
        trouble = "purge '\(name)': it cannot be looked whether answers are gone: \(state.blindness)"
      } else if let (key, why) = state.failing.first {
        trouble =
          "purge '\(name)': \(state.failing.count) certificates fail again and again, such as \(key.serial): \(why)"
      }
      return PurgeReport(cache: name, counters: counters, backlog: state.backlog, trouble: trouble)
    }
  }

  func note(_ backlog: PurgeBacklog, now: UnixTime) {
    let untold = state.withLock { state -> Int in
      state.backlog = backlog
      guard state.second != now.seconds else { return 0 }
      defer { state.untold = 0 }
      return state.untold
    }
    if untold > 0 { log.info("purge '\(name)': \(untold) more certificates are gone") }
  }

  func warn(_ text: String) { log.warning("purge '\(name)': \(text)") }

  // MARK: - Certificates

  func succeeded(_ key: PurgeLine.Key, _ order: PurgeOrder, isFirst: Bool, now: UnixTime) {
    let isShown = state.withLock { state -> Bool in
      let isRecovered = state.failing.removeValue(forKey: key) != nil
      guard isFirst || isRecovered else { return false }
      let isShown = state.mayShow(now)
      if !isShown { state.untold += 1 }
      return isShown
    }
    if isShown { log.info("purge '\(name)': \(order.serial) is gone (revision \(order.revision.value))") }
  }

  /// A provider has given a request a number.
  func called(_ reference: String, certificates: [SerialNumber], now: UnixTime) {
    guard state.withLock({ $0.mayShow(now) }) else { return }
    let shown = certificates.prefix(3).map(\.description).joined(separator: ", ")
    let more = certificates.count > 3 ? " and \(certificates.count - 3) more" : ""
    log.info("purge '\(name)': request \(reference) took \(shown)\(more)")
  }

  func failed(_ key: PurgeLine.Key, _ objection: PurgeObjection, failures: Int) {
    guard failures >= PurgeJournal.failuresToTell else { return }
    let isNew = state.withLock { state in
      guard state.failing.count < PurgeJournal.maximumFailing || state.failing[key] != nil else { return false }
      return state.failing.updateValue(objection.text, forKey: key) == nil
    }
    if isNew { warn("\(key.serial) was tried \(failures) times in vain and is tried on: \(objection.text)") }
  }

  /// What a look through the cache has shown.
  func checked(_ objection: PurgeObjection?) {
    state.withLock { state in
      guard case .unproven(let why) = objection else {
        state.blindChecks = 0
        return
      }
      (state.blindChecks, state.blindness) = (state.blindChecks + 1, why)
    }
  }

  /// Nothing more is tried for it.
  func forget(_ key: PurgeLine.Key) { state.withLock { $0.failing[key] = nil } }

  // MARK: - The cache and the store

  func cacheFails(_ why: String) {
    let isNew = state.withLock { state in
      defer { state.outage = why }
      return state.outage == nil
    }
    if isNew { warn("the cache takes no purges, and everything waits until it does: \(why)") }
  }

  func cacheWorks() {
    let was = state.withLock { state in
      defer { state.outage = nil }
      return state.outage != nil
    }
    if was { log.info("purge '\(name)': purging works again") }
  }

  func readFails(_ error: StoreError) {
    let isNew = state.withLock { state in
      defer { state.readFailure = error.description }
      return state.readFailure == nil
    }
    if isNew { warn("the store gives no orders: \(error)") }
  }

  func readWorks() { state.withLock { $0.readFailure = nil } }

  func settlingFails(_ error: StoreError) {
    let isNew = state.withLock { state in
      defer { state.settlingFailure = error.description }
      return state.settlingFailure == nil
    }
    if isNew { warn("the store does not take what became of orders, which are purged again after a restart: \(error)") }
  }

  func settlingWorks() { state.withLock { $0.settlingFailure = nil } }
}
