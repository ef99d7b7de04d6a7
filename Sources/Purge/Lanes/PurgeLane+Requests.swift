import CalendarTime
import EventLoop
import HTTPClient
import OCSP
import Responder

/// What goes out to the cache, and what comes of it.
extension PurgeLane {
  private static let blindChecksInARow = 8
  private static let maximumAnswerBytes = 256 << 10
  /// After so long without anything taken it was the cache, and no certificate.
  private static let outageMilliseconds: Int64 = 5000

  func makeCalls(_ known: [(key: PurgeLine.Key, item: PurgeItem)], isUrgent: Bool) {
    guard !known.isEmpty else { return }
    for call in driver.calls(for: known.map(\.item)) {
      var request = call.request
      request.timeoutMilliseconds = cache.timeoutMilliseconds
      request.connectTimeoutMilliseconds = cache.timeoutMilliseconds
      request.authorityPath = cache.authorityPath
      request.maximumAnswerBytes = PurgeLane.maximumAnswerBytes
      let keys = call.items.map { known[$0].key }
      for key in keys { line.callBegins(key) }
      calls.append(LaneCall(request: request, keys: keys, isUrgent: isUrgent))
    }
    // What no request is for has nothing to purge.
    for (key, _) in known where line.works[key]?.callsLeft == 0 { follow(key, nextStep(key)) }
  }

  /// Looks through the cache at what it has now.
  func check(_ key: PurgeLine.Key) {
    guard let subject = context.subjects[key.issuer] else { return follow(key, nextStep(key)) }
    // Where nothing comes through one finds out when it does: a thousand that wait for their deadlines would keep purges
    // waiting that the cache would take.
    if blindChecks >= PurgeLane.blindChecksInARow, calls.checkCount > 0 {
      line.callBegins(key)
      return follow(key, callEnded(key, .unproven("nothing has come through it for others")))
    }
    let urls = cache.check == .all ? subject.forms.all(key.serial) : subject.forms.common(key.serial)
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
      request.maximumAnswerBytes = PurgeLane.maximumAnswerBytes
      line.callBegins(key)
      calls.append(
        LaneCall(
          request: request, keys: [key],
          check: LaneCall.Check(issuer: subject.issuer, expected: expected, serial: key.serial)))
    }
    if urls.isEmpty { follow(key, nextStep(key)) }
  }

  /// Begins what there are connections for.
  func begin() {
    let isPaused = milliseconds < pausedUntil
    while fetcher.count < cache.connections, let call = calls.popFirst(isPaused: isPaused) {
      lastID += 1
      do {
        let isCheck = call.check != nil
        let request = isCheck ? call.request : try driver.signed(call.request, at: context.clock.now())
        try fetcher.begin(request, id: lastID)
        underWay[lastID] = call
      } catch {
        notBegun(call, "\(error)")
      }
    }
  }

  /// libcurl, or what signs, has no room for it.
  private func notBegun(_ call: LaneCall, _ why: String) {
    calls.ended(call)
    if call.check != nil {
      for key in call.keys { follow(key, callEnded(key, .unproven(why))) }
    } else {
      fail(call, why, retryAfterSeconds: nil)
    }
  }

  func take(_ id: Int, _ outcome: Result<HTTPClient.Response, HTTPClient.Failure>) {
    if let call = underWay.removeValue(forKey: id) { ended(call, outcome) }
  }

  private func ended(_ call: LaneCall, _ outcome: Result<HTTPClient.Response, HTTPClient.Failure>) {
    calls.ended(call)
    if let check = call.check { return checked(call, check, outcome) }
    switch verdict(outcome, call) {
    case .done(let reference):
      taken(call)
      if let reference {
        journal.called(reference, certificates: call.keys.map(\.serial), now: context.clock.now())
      }
      for key in call.keys { follow(key, callEnded(key, nil)) }
    case .refused(let why):
      if call.keys.count > 1 { return tryOneByOne(call) }
      for key in call.keys { follow(key, callEnded(key, .refused(why))) }
    case .unavailable(let why, let retryAfterSeconds): fail(call, why, retryAfterSeconds: retryAfterSeconds)
    }
  }

  /// The cache takes what it is asked.
  private func taken(_ call: LaneCall) {
    for key in call.keys { suspects.clear(key) }
    backoff.reset()
    // One that was on its way when the cache asked for a pause ends none.
    guard milliseconds >= pausedUntil else { return }
    journal.cacheWorks()
    guard let since = outageSince else { return }
    outageSince = nil
    // Those that had to step back were not to blame.
    if milliseconds - since >= PurgeLane.outageMilliseconds { hurry(to: context.clock.now()) }
  }

  /// The cache takes nothing at present.
  private func fail(_ call: LaneCall, _ why: String, retryAfterSeconds: Int?) {
    counters.add(.unavailable)
    if call.keys.contains(where: { line.hasBegun($0) }) {
      calls.putBack(call)
    } else {
      for key in call.keys {
        let stepsBack = suspects.blame(key)
        follow(key, callEnded(key, stepsBack ? .refused(why) : nil, isAbandoned: !stepsBack))
      }
    }
    outageSince = outageSince ?? milliseconds
    pause(why, retryAfterSeconds)
  }

  private func verdict(
    _ outcome: Result<HTTPClient.Response, HTTPClient.Failure>, _ call: LaneCall
  ) -> PurgeVerdict {
    switch outcome {
    case .success(let response):
      switch driver.verdict(response) {
      case .done(let reference): return .done(reference: reference)
      case .refused(let why): return .refused(why: masked(why))
      case .unavailable(let why, let seconds): return .unavailable(why: masked(why), retryAfterSeconds: seconds)
      }
    case .failure(let failure):
      // The URL has a request in base64 in it, and maybe a host that was not even asked.
      let why = cache.place.map { "\($0): \(failure.reason)" } ?? failure.description
      return .unavailable(why: masked(why), retryAfterSeconds: nil)
    }
  }

  /// Some answer with what they were sent, and messages go far.
  private func masked(_ text: String) -> String {
    cache.secrets.reduce(text) { $0.replacing($1, with: "[secret]") }
  }

  /// One of them is what the cache does not take: the others are not to suffer from it.
  private func tryOneByOne(_ call: LaneCall) {
    let subjects = context.subjects
    for key in call.keys {
      guard let order = line.works[key]?.order, let subject = subjects[key.issuer] else {
        follow(key, callEnded(key, .refused("its issuer is configured no more")))
        continue
      }
      makeCalls([(key, item(order, subject))], isUrgent: call.isUrgent)
      line.forgetCall(key)
    }
  }

  private func checked(
    _ call: LaneCall, _ check: LaneCall.Check, _ outcome: Result<HTTPClient.Response, HTTPClient.Failure>
  ) {
    let proof = PurgeProof(
      outcome, expected: check.expected, serial: check.serial, issuer: check.issuer, now: context.clock.now())
    let objection: PurgeObjection? =
      switch proof {
      case .current: nil
      case .stale(let what): .stale(what)
      case .unproven(let why): .unproven("\(masked(why)) (asked \(checkPlace(call)))")
      }
    if case .unproven = objection { blindChecks += 1 } else { blindChecks = 0 }
    journal.checked(objection)
    for key in call.keys { follow(key, callEnded(key, objection)) }
  }

  private func checkPlace(_ call: LaneCall) -> String {
    if let place = cache.checkPlace { return place }
    let host = call.request.url.dropFirst("http://".utf8.count).prefix { $0 != "/" }
    return "\(host); checkAt says where else"
  }

  private func callEnded(_ key: PurgeLine.Key, _ objection: PurgeObjection?, isAbandoned: Bool = false)
    -> PurgeLine.Step
  {
    line.callEnded(
      key, objection, isAbandoned: isAbandoned, now: context.clock.now(), milliseconds: milliseconds)
  }

  private func nextStep(_ key: PurgeLine.Key) -> PurgeLine.Step {
    line.next(key, now: context.clock.now(), milliseconds: milliseconds)
  }

  private func follow(_ key: PurgeLine.Key, _ step: PurgeLine.Step) {
    let objection = line.works[key]?.objection
    switch step {
    case .wait: break
    case .abandoned: mayHaveMore = true
    case .check: check(key)
    case .rest:
      // Without an objection the cache is given its time to forget.
      if let objection { failed(key, objection) }
    case .settle(let outcome):
      if let objection {
        failed(key, objection)
      } else {
        // The order of a first purge says by now that it is to be repeated.
        let isFirst = if case .putOff = outcome.result { true } else { cache.repeatAfterSeconds == nil }
        counters.add(isFirst ? .purged : .repeated)
        journal.succeeded(key, outcome.order, isFirst: isFirst, now: context.clock.now())
      }
      end(outcome)
    }
  }

  private func failed(_ key: PurgeLine.Key, _ objection: PurgeObjection) {
    counters.add(objection.result)
    journal.failed(key, objection, failures: line.works[key]?.order.failures ?? 0)
  }

  /// The cache takes nothing for a while.
  private func pause(_ why: String, _ retryAfterSeconds: Int?) {
    journal.cacheFails(why)
    // Several requests were under way: one pause is enough.
    if milliseconds >= pausedUntil || retryAfterSeconds != nil {
      var generator = SystemRandomNumberGenerator()
      let pause = retryAfterSeconds.map { Int64($0) * 1000 } ?? Int64(backoff.next(using: &generator))
      pausedUntil = max(pausedUntil, milliseconds + pause)
    }
    for call in calls.removePurges(where: { call in !call.keys.contains { line.hasBegun($0) } }) {
      for key in call.keys { line.loseCall(key) }
    }
    line.abandonUnbegun()
    mayHaveMore = true
  }
}
