import CalendarTime
import EventLoop
import HTTPClient
import OCSP
import Responder
import Synchronization

/// One cache's thread: takes orders out of the store, tells the cache, looks whether the answer is gone, and tells the store.
///
/// While a cache takes nothing, what it has taken no part of goes back into the store's line, so that what is newest goes first
/// once it does again.
final class PurgeLane: @unchecked Sendable {
  // Made on the starting thread, used by its own from then on, save for `ring`, `hurry`, `close` and `join`.
  private static let itemsUnderWay = 16
  private static let pollMilliseconds: Int64 = 1000
  private static let settleMilliseconds: Int64 = 50
  private static let settledAtOnce = 256
  /// Orders that are looked at where the newest may not be purged yet.
  private static let longestLook = 8192
  /// What is put off is never put off for longer, or a clock was ahead.
  private static let longestPutOffSeconds: Int64 = 3900
  let cache: PurgeCache
  let context: PurgeContext
  let counters: PurgeCounters
  let driver: any PurgeDriver
  let session: any StatusStoreSession
  let fetcher: HTTPFetcher
  let journal: PurgeJournal
  let window: Int
  var calls: CallQueue
  var underWay: [Int: LaneCall] = [:]
  var lastID = 0
  var line: PurgeLine
  var outcomes: [PurgeOutcome] = []
  var settleAt = Int64.max
  var mayHaveMore = true
  var pausedUntil = Int64.min
  var suspects = PurgeSuspects()
  /// Checks in a row that have shown nothing.
  var blindChecks = 0
  /// Since when the cache has taken nothing; nil while it does.
  var outageSince: Int64?
  var backoff = Backoff(firstMilliseconds: 100, longestMilliseconds: 60_000)
  private var nextPoll = Int64.min
  private var readAgainAt = Int64.min
  private var nextDue: UnixTime?
  private let isRung = Atomic<Bool>(true)
  private let isHurried = Atomic<Bool>(false)
  private let isClosing = Atomic<Bool>(false)
  private let thread = Mutex<NamedThread?>(nil)

  init(_ cache: PurgeCache, _ context: PurgeContext, counters: PurgeCounters) throws {
    self.cache = cache
    self.context = context
    self.counters = counters
    driver = cache.driver
    session = try context.store.openSession()
    fetcher = try HTTPFetcher(maximumConnections: cache.connections)
    window = max(PurgeLane.itemsUnderWay, 2 * driver.itemsPerCall * cache.connections)
    calls = CallQueue(connections: cache.connections)
    line = PurgeLine(
      repeatAfterSeconds: cache.repeatAfterSeconds, isChecked: cache.check != .none,
      settlingMilliseconds: driver.settlingMilliseconds, maximumChecks: 4 * window)
    journal = PurgeJournal(cache.name, context.log)
  }

  func start() {
    let thread = NamedThread(name: "purge") { self.run() }
    self.thread.withLock { $0 = thread }
  }

  // MARK: - Any thread

  /// There may be something to do.
  func ring() {
    isRung.store(true, ordering: .releasing)
    fetcher.wakeUp()
  }

  /// Somebody may have mended what was wrong: all is tried again at once.
  func hurry() {
    isHurried.store(true, ordering: .releasing)
    ring()
  }

  /// Has the thread end. What is under way is done again by whoever comes next.
  func close() {
    isClosing.store(true, ordering: .releasing)
    fetcher.wakeUp()
  }

  func join() { thread.withLock { $0.take() }?.join() }

  var report: PurgeReport { journal.report(counters) }

  // MARK: - The loop

  var milliseconds: Int64 { context.clock.monotonicNanoseconds() / 1_000_000 }

  private func run() {
    hurry(to: context.clock.now().advanced(bySeconds: PurgeLane.longestPutOffSeconds))
    while !isClosing.load(ordering: .acquiring) {
      if isHurried.exchange(false, ordering: .acquiringAndReleasing) {
        pausedUntil = .min
        backoff.reset()
        hurry(to: context.clock.now())
      }
      read()
      settle(isForced: false)
      begin()
      for (id, outcome) in fetcher.run(milliseconds: Int(clamping: waitMilliseconds)) { take(id, outcome) }
      goOnWithRested()
    }
    settle(isForced: true)
  }

  private var waitMilliseconds: Int64 {
    let now = milliseconds
    let mayRead = now >= pausedUntil && now >= readAgainAt && line.purgingCount < window
    if mayRead, isRung.load(ordering: .acquiring) || mayHaveMore && hasRoomForMany { return 0 }
    var until = min(max(nextPoll, readAgainAt), settleAt)
    if let rested = line.nextRested { until = min(until, rested) }
    if pausedUntil > now { until = min(until, pausedUntil) }
    return max(0, min(until - now, PurgeLane.pollMilliseconds))
  }

  /// Every look at the line reads all that is under way too: it is worth it for many new ones.
  private var hasRoomForMany: Bool { window - line.purgingCount >= max(1, window / 4) }

  func hurry(to time: UnixTime) {
    do throws(StoreError) {
      try session.hurryPurges(of: cache.name, to: time)
    } catch {
      // They come when they are due.
      if error.kind != .busy { journal.readFails(error) }
    }
  }

  // MARK: - Orders

  /// Takes orders out of the store, as far as there is room.
  private func read() {
    let now = milliseconds
    guard now >= readAgainAt else { return }
    do throws(StoreError) {
      let isPolled = now >= nextPoll
      if isPolled {
        nextPoll = now + PurgeLane.pollMilliseconds
        nextDue = try session.nextDuePurge(for: cache.name)
        journal.note(try session.purgeBacklog(of: cache.name), now: context.clock.now())
      }
      if now >= pausedUntil { purge(try orders(isPolled: isPolled)) }
      journal.readWorks()
    } catch {
      journal.readFails(error)
      readAgainAt = now + PurgeLane.pollMilliseconds
    }
  }

  private func orders(isPolled: Bool) throws(StoreError) -> [PurgeOrder] {
    // Before the look: who rings from here on is heard in the next turn.
    let hasRung = isRung.exchange(false, ordering: .acquiringAndReleasing)
    guard line.purgingCount < window else {
      mayHaveMore = mayHaveMore || hasRung
      return []
    }
    let isWanted = hasRung || isPolled || mayHaveMore && hasRoomForMany
    guard isWanted else { return [] }
    let due = try dueOrders()
    return due + (try newOrders(room: window - line.purgingCount - due.count))
  }

  /// What was put off, within a quarter of all room: new ones are worse, and there may be so many that these would never come.
  private func dueOrders() throws(StoreError) -> [PurgeOrder] {
    let time = context.clock.now()
    let room = min(window - line.purgingCount, max(1, window / 4) - line.laterCount)
    guard room > 0, let nextDue, nextDue <= time else { return [] }
    let limit = room + line.count
    let found = try session.duePurges(for: cache.name, at: time, limit: limit)
    // Until the next look at the line: those are all.
    if found.count < limit { self.nextDue = nil }
    return Array(found.filter { !line.contains($0) && context.mayPurge($0) }.prefix(room))
  }

  private func newOrders(room: Int) throws(StoreError) -> [PurgeOrder] {
    var limit = room + line.count
    while true {
      let found = try session.newPurges(for: cache.name, limit: limit)
      let unknown = found.filter { !line.contains($0) }
      let orders = unknown.filter { context.mayPurge($0) }
      mayHaveMore = found.count == limit && !orders.isEmpty
      // The newest may have to wait for other nodes, and keep nobody who need not.
      guard orders.count < room, orders.count < unknown.count, found.count == limit, limit < PurgeLane.longestLook
      else { return Array(orders.prefix(room)) }
      limit *= 4
    }
  }

  private func purge(_ orders: [PurgeOrder]) {
    guard !orders.isEmpty else { return }
    let subjects = context.subjects
    var known: [(key: PurgeLine.Key, item: PurgeItem)] = []
    for order in orders {
      line.add(order)
      guard let subject = subjects[order.issuer] else {
        counters.add(.dropped)
        journal.warn("\(order.serial) of an issuer that is configured no more is not purged")
        journal.forget(PurgeLine.Key(order))
        line.end(order)
        end(PurgeOutcome(order, .done))
        continue
      }
      known.append((PurgeLine.Key(order), item(order, subject)))
    }
    let isFirst = Dictionary(grouping: known) { !(line.works[$0.key]?.order.isRepetition ?? false) }
    for (isUrgent, known) in isFirst { makeCalls(known, isUrgent: isUrgent) }
  }

  func item(_ order: PurgeOrder, _ subject: PurgeSubject) -> PurgeItem {
    PurgeItem(
      issuerName: subject.issuer.name, serial: order.serial,
      urls: cache.isByKey ? [] : subject.forms.all(order.serial))
  }

  private func goOnWithRested() {
    let subjects = context.subjects
    var purged: [(key: PurgeLine.Key, item: PurgeItem)] = []
    for (key, onlyChecks) in line.takeRested(milliseconds: milliseconds) {
      guard let order = line.works[key]?.order else { continue }
      guard let subject = subjects[key.issuer] else {
        // It is told of when it is taken out of the store again.
        line.remove(order)
        journal.forget(key)
        continue
      }
      if onlyChecks { check(key) } else { purged.append((key, item(order, subject))) }
    }
    makeCalls(purged, isUrgent: false)
  }

  // MARK: - Settling

  func end(_ outcome: PurgeOutcome) {
    outcomes.append(outcome)
    settleAt = min(settleAt, milliseconds + PurgeLane.settleMilliseconds)
  }

  /// Tells the store what has ended, some at a time: each look for the write lock may keep those waiting that bring events.
  private func settle(isForced: Bool) {
    guard !outcomes.isEmpty, isForced || outcomes.count >= PurgeLane.settledAtOnce || milliseconds >= settleAt else {
      return
    }
    do throws(StoreError) {
      try session.settlePurges(outcomes, for: cache.name)
    } catch {
      // Whoever writes may do so for minutes; this can wait, and nobody is the worse for it.
      let isBusy = error.kind == .busy
      settleAt = milliseconds + (isBusy ? PurgeLane.settleMilliseconds : PurgeLane.pollMilliseconds)
      if !isBusy { journal.settlingFails(error) }
      return
    }
    journal.settlingWorks()
    for outcome in outcomes {
      line.remove(outcome.order)
      if case .putOff(let until) = outcome.result { nextDue = min(nextDue ?? until, until) }
    }
    outcomes = []
    settleAt = .max
    // A newer change of one of them may have come meanwhile.
    mayHaveMore = true
  }
}
