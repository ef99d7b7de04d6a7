import CalendarTime
import OCSP
import Responder
import Synchronization

/// What a lane tells: the log of a few certificates one by one and of many as a number, and the report for metrics.
///
/// Its lane's thread calls it; any thread may ask for the report.
final class PurgeJournal: Sendable {
  private static let shownEachSecond = 20
  /// From so many failures in a row on an operator should know.
  private static let failuresToTell = 6
  private static let maximumFailing = 10_000

  private struct State {
    var backlog = PurgeBacklog(orders: 0, oldest: nil)
    /// Why the cache, or its interface, cannot be told anything.
    var outage: String?
    var storeFailure: String?
    /// Certificates that fail again and again, with the last reason.
    var failing: [PurgeLine.Key: String] = [:]
    var shownIn: Int64 = 0
    var shown = 0
    var unshown = 0
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
      if let why = state.storeFailure {
        trouble = "purge '\(name)': orders cannot be read or settled: \(why)"
      } else if let why = state.outage {
        trouble = "purge '\(name)': \(state.backlog.orders) certificates wait, since nothing can be purged: \(why)"
      } else if let (key, why) = state.failing.first {
        trouble =
          "purge '\(name)': \(state.failing.count) certificates fail again and again, such as \(key.serial): \(why)"
      }
      return PurgeReport(cache: name, counters: counters, backlog: state.backlog, trouble: trouble)
    }
  }

  func note(_ backlog: PurgeBacklog) { state.withLock { $0.backlog = backlog } }

  func warn(_ text: String) { log.warning("purge '\(name)': \(text)") }

  // MARK: - Certificates

  func succeeded(_ key: PurgeLine.Key, _ order: PurgeOrder, isFirst: Bool, now: UnixTime) {
    let isRecovered = state.withLock { $0.failing.removeValue(forKey: key) != nil }
    guard isFirst || isRecovered else { return }
    tell(now, "\(order.serial) is gone (revision \(order.revision.value))")
  }

  /// A few, and a number of many: a million revocations are not a million lines.
  private func tell(_ now: UnixTime, _ text: String) {
    let (isShown, unshown) = state.withLock { state -> (Bool, Int) in
      var before = 0
      if state.shownIn != now.seconds {
        before = state.unshown
        (state.shownIn, state.shown, state.unshown) = (now.seconds, 0, 0)
      }
      state.shown += 1
      if state.shown > PurgeJournal.shownEachSecond { state.unshown += 1 }
      return (state.shown <= PurgeJournal.shownEachSecond, before)
    }
    if unshown > 0 { log.info("purge '\(name)': \(unshown) more certificates are gone") }
    if isShown { log.info("purge '\(name)': \(text)") }
  }

  /// A provider has given a request a number.
  func called(_ reference: String, certificates: [SerialNumber]) {
    let shown = certificates.prefix(3).map(\.description).joined(separator: ", ")
    let more = certificates.count > 3 ? " and \(certificates.count - 3) more" : ""
    log.info("purge '\(name)': request \(reference) took \(shown)\(more)")
  }

  func failed(_ key: PurgeLine.Key, _ objection: PurgeLine.Objection, failures: Int) {
    guard failures >= PurgeJournal.failuresToTell else { return }
    let isNew = state.withLock { state in
      guard state.failing.count < PurgeJournal.maximumFailing || state.failing[key] != nil else { return false }
      return state.failing.updateValue(objection.text, forKey: key) == nil
    }
    if isNew { warn("\(key.serial) was tried \(failures) times in vain and is tried on: \(objection.text)") }
  }

  // MARK: - The cache and the store

  func cacheFails(_ why: String, pauseMilliseconds: Int64) {
    let isNew = state.withLock { state in
      defer { state.outage = why }
      return state.outage == nil
    }
    if isNew { warn("nothing can be purged, and everything waits until it can: \(why)") }
  }

  func cacheWorks() {
    let was = state.withLock { state in
      defer { state.outage = nil }
      return state.outage != nil
    }
    if was { log.info("purge '\(name)': purging works again") }
  }

  func storeFails(_ error: StoreError) {
    let isNew = state.withLock { state in
      defer { state.storeFailure = error.description }
      return state.storeFailure == nil
    }
    if isNew { warn("orders cannot be read or settled: \(error)") }
  }

  func storeWorks() { state.withLock { $0.storeFailure = nil } }
}
