import CalendarTime
import EventLoop
import HTTPClient
import OCSP
import Responder
import Synchronization

/// One cache's thread: takes orders out of the store, tells the cache, looks whether the answer is gone, and tells the store.
///
/// While a cache cannot be reached nothing of it is kept here, so that what is newest goes first once it can be again.
final class PurgeLane: @unchecked Sendable {
  // Made on the starting thread, used by its own from then on, save for `ring` and `stop`.
  private static let itemsUnderWay = 16
  private static let pollMilliseconds: Int64 = 1000
  private static let settleMilliseconds: Int64 = 50
  private static let settledAtOnce = 256
  let cache: PurgeCache
  let context: PurgeContext
  let counters: PurgeCounters
  let driver: any PurgeDriver
  let session: any StatusStoreSession
  private let fetcher: HTTPFetcher
  private let window: Int
  private var calls = CallQueue()
  private var underWay: [Int: LaneCall] = [:]
  private var lastID = 0
  var line: PurgeLine
  private var outcomes: [PurgeOutcome] = []
  private var settleAt = Int64.max
  private var mayHaveMore = true
  private var nextPoll = Int64.min
  private var nextDue: UnixTime?
  private var pausedUntil = Int64.min
  private var backoff = Backoff(firstMilliseconds: 100, longestMilliseconds: 60_000)
  var journal: PurgeJournal
  private let isRung = Atomic<Bool>(true)
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
    line = PurgeLine(repeatAfterSeconds: cache.repeatAfterSeconds, isChecked: cache.check != .none)
    journal = PurgeJournal(cache.name, context.log)
  }

  func start() {
    let thread = NamedThread(name: "purge") { self.run() }
    self.thread.withLock { $0 = thread }
  }

  /// There may be something to do. Any thread.
  func ring() {
    isRung.store(true, ordering: .releasing)
    fetcher.wakeUp()
  }

  /// Ends the thread. What is under way is done again by whoever comes next.
  func stop() {
    isClosing.store(true, ordering: .releasing)
    fetcher.wakeUp()
    thread.withLock { $0.take() }?.join()
  }

  var report: PurgeReport { journal.report(counters) }

  private var milliseconds: Int64 { context.clock.monotonicNanoseconds() / 1_000_000 }

  // MARK: - The loop

  private func run() {
    while !isClosing.load(ordering: .acquiring) {
      do throws(StoreError) {
        try load()
        try settle(isForced: false)
        journal.storeWorks()
      } catch {
        journal.storeFails(error)
        nextPoll = milliseconds + PurgeLane.pollMilliseconds
      }
      begin()
      for (id, outcome) in fetcher.run(milliseconds: Int(clamping: waitMilliseconds)) { take(id, outcome) }
      purgeRested()
    }
    do throws(StoreError) { try settle(isForced: true) } catch { journal.storeFails(error) }
  }

  private var waitMilliseconds: Int64 {
    let hasRoom = milliseconds >= pausedUntil && line.count < window
    if hasRoom, mayHaveMore || isRung.load(ordering: .acquiring) { return 0 }
    var until = min(nextPoll, settleAt)
    if let rested = line.nextRested { until = min(until, rested) }
    if pausedUntil > milliseconds { until = min(until, pausedUntil) }
    return max(0, min(until - milliseconds, PurgeLane.pollMilliseconds))
  }

  // MARK: - Orders

  /// Takes orders out of the store, as far as there is room.
  private func load() throws(StoreError) {
    let now = milliseconds
    let isPolled = now >= nextPoll
    if isPolled {
      nextPoll = now + PurgeLane.pollMilliseconds
      nextDue = try session.nextDuePurge(for: cache.name)
      journal.note(try session.purgeBacklog(of: cache.name))
    }
    guard now >= pausedUntil else { return }
    // Before the look: who rings from here on is heard in the next turn.
    let hasRung = isRung.exchange(false, ordering: .acquiringAndReleasing)
    let room = window - line.count
    guard room > 0 else {
      mayHaveMore = mayHaveMore || hasRung
      return
    }
    var orders: [PurgeOrder] = []
    if hasRung || mayHaveMore || isPolled {
      let found = try session.newPurges(for: cache.name, limit: room + line.count)
      orders = found.filter { !line.contains($0) && context.mayPurge($0) }
      mayHaveMore = found.count == room + line.count && !orders.isEmpty
    }
    let time = context.clock.now()
    // They leave room for what is new, which is worse.
    let spare = room - window / 2
    if orders.count < spare, let nextDue, nextDue <= time {
      let found = try session.duePurges(for: cache.name, at: time, limit: spare + line.count)
      orders += found.filter { !line.contains($0) && context.mayPurge($0) }.prefix(spare - orders.count)
      // Until the next look at the line: those are all.
      if found.count < spare + line.count { self.nextDue = nil }
    }
    purge(Array(orders.prefix(room)))
  }

  private func purge(_ orders: [PurgeOrder]) {
    let subjects = context.subjects
    var known: [(key: PurgeLine.Key, item: PurgeItem)] = []
    for order in orders {
      guard let subject = subjects[order.issuer] else {
        counters.add(.dropped)
        journal.warn("\(order.serial) of an issuer that is configured no more is not purged")
        line.add(order)
        end(PurgeOutcome(order, .done))
        continue
      }
      line.add(order)
      known.append((PurgeLine.Key(order), item(order, subject)))
    }
    makeCalls(known.filter { !isRepetition($0.key) }, isUrgent: true)
    makeCalls(known.filter { isRepetition($0.key) }, isUrgent: false)
  }

  private func isRepetition(_ key: PurgeLine.Key) -> Bool { line.works[key]?.order.isRepetition ?? false }

  private func item(_ order: PurgeOrder, _ subject: PurgeSubject) -> PurgeItem {
    PurgeItem(
      issuerName: subject.issuer.name, serial: order.serial,
      urls: cache.isByKey ? [] : subject.forms.all(order.serial))
  }

  private func makeCalls(_ known: [(key: PurgeLine.Key, item: PurgeItem)], isUrgent: Bool) {
    guard !known.isEmpty else { return }
    let made: [PurgeCall]
    do {
      made = try driver.calls(for: known.map(\.item), now: context.clock.now())
    } catch {
      return pause("\(error)", nil)
    }
    for call in made {
      var request = call.request
      request.timeoutMilliseconds = cache.timeoutMilliseconds
      request.connectTimeoutMilliseconds = cache.timeoutMilliseconds
      request.authorityPath = cache.authorityPath
      request.maximumAnswerBytes = 256 << 10
      let keys = call.items.map { known[$0].key }
      for key in keys { line.callBegins(key) }
      calls.append(LaneCall(request: request, keys: keys), isUrgent: isUrgent)
    }
    // What no request is for has nothing to purge.
    for (key, _) in known where line.works[key]?.callsLeft == 0 { follow(key, nextStep(key)) }
  }

  private func purgeRested() {
    let rested = line.takeRested(milliseconds: milliseconds)
    let subjects = context.subjects
    makeCalls(
      rested.compactMap { key in
        guard let order = line.works[key]?.order else { return nil }
        // One whose issuer has gone meanwhile is looked at again when it is loaded again.
        guard let subject = subjects[key.issuer] else {
          line.remove(order)
          return nil
        }
        return (key, item(order, subject))
      }, isUrgent: false)
  }

  // MARK: - Requests

  private func begin() {
    while fetcher.count < cache.connections, let call = calls.popFirst() {
      lastID += 1
      do throws(HTTPClient.Failure) {
        try fetcher.begin(call.request, id: lastID)
        underWay[lastID] = call
      } catch {
        ended(call, .failure(error))
      }
    }
  }

  private func take(_ id: Int, _ outcome: Result<HTTPClient.Response, HTTPClient.Failure>) {
    guard let call = underWay.removeValue(forKey: id) else { return }
    ended(call, outcome)
  }

  private func ended(_ call: LaneCall, _ outcome: Result<HTTPClient.Response, HTTPClient.Failure>) {
    if let check = call.check {
      let proof = PurgeProof(outcome, expected: check.expected, serial: check.serial)
      let objection: PurgeLine.Objection? =
        switch proof {
        case .current: nil
        case .stale(let what): .stale(what)
        case .unproven(let why): .unproven(why)
        }
      for key in call.keys { follow(key, callEnded(key, objection)) }
      return
    }
    let verdict: PurgeVerdict =
      switch outcome {
      case .success(let response): driver.verdict(response)
      case .failure(let failure): .unavailable(why: failure.description, retryAfterSeconds: nil)
      }
    switch verdict {
    case .done(let reference):
      backoff.reset()
      journal.cacheWorks()
      if let reference { journal.called(reference, certificates: call.keys.map(\.serial)) }
      for key in call.keys { follow(key, callEnded(key, nil)) }
    case .refused(let why):
      for key in call.keys { follow(key, callEnded(key, .refused(why))) }
    case .unavailable(let why, let retryAfterSeconds):
      counters.add(.unavailable)
      for key in call.keys { follow(key, callEnded(key, nil, isAbandoned: true)) }
      pause(why, retryAfterSeconds)
    }
  }

  private func callEnded(
    _ key: PurgeLine.Key, _ objection: PurgeLine.Objection?, isAbandoned: Bool = false
  ) -> PurgeLine.Step {
    line.callEnded(
      key, objection, isAbandoned: isAbandoned, now: context.clock.now(), milliseconds: milliseconds)
  }

  private func nextStep(_ key: PurgeLine.Key) -> PurgeLine.Step {
    line.next(key, now: context.clock.now(), milliseconds: milliseconds)
  }

  private func follow(_ key: PurgeLine.Key, _ step: PurgeLine.Step) {
    let objection = line.works[key]?.objection
    if let objection {
      switch step {
      case .rest, .settle:
        counters.add(objection.result)
        journal.failed(key, objection, failures: line.works[key]?.order.failures ?? 0)
      case .wait, .check, .abandoned: break
      }
    }
    switch step {
    case .wait, .rest: break
    case .abandoned: mayHaveMore = true
    case .check: check(key)
    case .settle(let outcome):
      if objection == nil {
        // The order of a first purge says by now that it is to be repeated.
        let isFirst = if case .putOff = outcome.result { true } else { cache.repeatAfterSeconds == nil }
        counters.add(isFirst ? .purged : .repeated)
        journal.succeeded(key, outcome.order, isFirst: isFirst, now: context.clock.now())
      }
      end(outcome)
    }
  }

  /// Looks through the cache at what it has now.
  private func check(_ key: PurgeLine.Key) {
    guard let subject = context.subjects[key.issuer] else { return follow(key, nextStep(key)) }
    let urls = cache.check == .all ? subject.forms.all(key.serial) : subject.forms.commonest(key.serial)
    let reading: StatusReading
    do throws(StoreError) {
      reading = try session.status(issuer: key.issuer, serial: key.serial)
    } catch {
      line.callBegins(key)
      return follow(key, callEnded(key, .unproven(error.description)))
    }
    let expected = AnswerBuilder.statement(
      for: reading, policy: subject.issuer.policy, now: context.clock.now())
    for url in urls {
      var request = HTTPClient.Request(url: url.description)
      request.connectTo = cache.checkPlace
      request.usesProxies = cache.checkPlace == nil
      request.timeoutMilliseconds = cache.timeoutMilliseconds
      request.connectTimeoutMilliseconds = cache.timeoutMilliseconds
      request.maximumAnswerBytes = 256 << 10
      line.callBegins(key)
      calls.append(
        LaneCall(request: request, keys: [key], check: (expected, key.serial)), isUrgent: false)
    }
    if urls.isEmpty { follow(key, nextStep(key)) }
  }

  /// The cache cannot be told anything: everything goes back into the store's line for a while.
  private func pause(_ why: String, _ retryAfterSeconds: Int?) {
    var generator = SystemRandomNumberGenerator()
    // Several requests were under way: one pause is enough.
    guard milliseconds >= pausedUntil || retryAfterSeconds != nil else { return }
    let pause = retryAfterSeconds.map { Int64($0) * 1000 } ?? Int64(backoff.next(using: &generator))
    pausedUntil = max(pausedUntil, milliseconds + pause)
    journal.cacheFails(why, pauseMilliseconds: pause)
    for call in calls.removeAll() {
      for key in call.keys { line.forgetCalls(key) }
    }
    line.abandonAll()
    mayHaveMore = true
  }

  // MARK: - Settling

  private func end(_ outcome: PurgeOutcome) {
    outcomes.append(outcome)
    settleAt = min(settleAt, milliseconds + PurgeLane.settleMilliseconds)
  }

  /// Tells the store what has ended, some at a time: each look for the write lock keeps those waiting that bring events.
  private func settle(isForced: Bool) throws(StoreError) {
    guard !outcomes.isEmpty else { return }
    guard isForced || outcomes.count >= PurgeLane.settledAtOnce || milliseconds >= settleAt || line.count >= window
    else { return }
    // A store that fails is asked again in a while, not at once.
    settleAt = milliseconds + PurgeLane.pollMilliseconds
    try session.settlePurges(outcomes, for: cache.name)
    for outcome in outcomes {
      line.remove(outcome.order)
      if case .putOff(let until) = outcome.result { nextDue = min(nextDue ?? until, until) }
    }
    outcomes = []
    settleAt = .max
    // A newer change may have come meanwhile, or there was no room.
    mayHaveMore = true
  }
}
