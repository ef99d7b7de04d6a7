import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

@testable import Purge

struct PurgeLineTests {
  private let order = PurgeOrder(
    issuer: StoreIssuerID(1), serial: Sample.serial(1), revision: Revision(7), since: Sample.start, isRevocation: true)
  private var key: PurgeLine.Key { PurgeLine.Key(order) }
  private let now = Sample.start

  private func line(repeatAfter seconds: Int64? = 2, isChecked: Bool = true, calls: Int = 2) -> PurgeLine {
    var line = PurgeLine(repeatAfterSeconds: seconds, isChecked: isChecked)
    line.add(order)
    for _ in 0..<calls { line.callBegins(key) }
    return line
  }

  private func end(
    _ line: inout PurgeLine, _ objection: PurgeObjection? = nil, isAbandoned: Bool = false, at time: Int64 = 0
  ) -> PurgeLine.Step {
    line.callEnded(key, objection, isAbandoned: isAbandoned, now: now, milliseconds: time)
  }

  @Test("every request has to end before the answer is looked for")
  func checkAfterAll() {
    var line = line()
    #expect(end(&line) == .wait)
    #expect(end(&line) == .check)
    #expect(line.contains(order))
  }

  @Test("a purge that is proved is put off for its repetition, and the repetition is the end")
  func repetition() {
    var line = line(calls: 1)
    #expect(end(&line) == .check)
    line.callBegins(key)
    var again = order
    again.isRepetition = true
    #expect(end(&line) == .settle(PurgeOutcome(again, .putOff(until: now.advanced(bySeconds: 2)))))
    line.remove(order)
    #expect(line.count == 0)

    line.add(again)
    line.callBegins(key)
    #expect(end(&line) == .check)
    line.callBegins(key)
    #expect(end(&line) == .settle(PurgeOutcome(again, .done)))
  }

  @Test("without checks and repetition a purge is over when the cache has said so")
  func plain() {
    var line = line(repeatAfter: nil, isChecked: false, calls: 1)
    #expect(end(&line) == .settle(PurgeOutcome(order, .done)))
  }

  @Test("one request that fails fails the try, and the next try begins anew")
  func failure() {
    var line = line()
    #expect(end(&line, .refused("no")) == .wait)
    #expect(end(&line, at: 1000) == .rest)
    #expect(line.nextRested == 1005)
    #expect(line.takeRested(milliseconds: 1004).isEmpty)
    #expect(line.takeRested(milliseconds: 1005).map(\.key) == [key])
    line.callBegins(key)
    #expect(end(&line) == .check)
  }

  @Test("what fails on and on is given back to the store, with how often")
  func putOff() {
    var line = line(calls: 1)
    var last = PurgeLine.Step.wait
    for failures in 1...6 {
      last = end(&line, .stale("good"), at: Int64(failures) * 10_000)
      if failures < 6 {
        #expect(last == .rest)
        #expect(line.takeRested(milliseconds: Int64(failures) * 10_000 + 2000).map(\.key) == [key])
        line.callBegins(key)
      }
    }
    var failed = order
    failed.failures = 6
    #expect(last == .settle(PurgeOutcome(failed, .putOff(until: now.advanced(bySeconds: 5)))))
  }

  @Test(
    "pauses grow to five minutes and no further",
    arguments: [
      (1, 5), (2, 20), (3, 80), (4, 320), (5, 1280), (6, 5120), (7, 20_480), (8, 81_920), (9, 300_000),
      (1_000_000, 300_000),
    ] as [(Int, Int64)])
  func pauses(_ failures: Int, _ milliseconds: Int64) {
    #expect(PurgeLine(repeatAfterSeconds: nil, isChecked: true).pause(afterFailures: failures) == milliseconds)
  }

  @Test("success forgets the failures before it")
  func success() {
    var line = line(repeatAfter: nil, isChecked: false, calls: 1)
    #expect(end(&line, .refused("no")) == .rest)
    _ = line.takeRested(milliseconds: 10_000)
    line.callBegins(key)
    #expect(end(&line) == .settle(PurgeOutcome(order, .done)))
  }

  @Test("a cache that is away gets everything back later, once no request is under way")
  func abandoned() {
    var line = line(calls: 3)
    #expect(end(&line, isAbandoned: true) == .wait)
    // One will not be begun, one is under way.
    line.loseCall(key)
    line.abandonUnbegun()
    #expect(line.contains(order))
    #expect(end(&line) == .abandoned)
    #expect(!line.contains(order))
  }

  @Test("what is under way as the cache goes away may yet be taken")
  func underWay() {
    var line = line(calls: 1)
    line.abandonUnbegun()
    #expect(end(&line) == .check)
  }

  @Test("what is looked for takes no place, within a bound")
  func checks() {
    var line = PurgeLine(repeatAfterSeconds: nil, isChecked: true, maximumChecks: 1)
    line.add(order)
    line.callBegins(key)
    #expect(end(&line) == .check)
    #expect(line.purgingCount == 0 && line.activeCount == 1)
    var other = order
    other.serial = Sample.serial(2)
    line.add(other)
    line.callBegins(PurgeLine.Key(other))
    let step = line.callEnded(PurgeLine.Key(other), nil, now: now, milliseconds: 0)
    #expect(step == .check)
    #expect(line.purgingCount == 1 && line.activeCount == 2)
    line.callBegins(key)
    #expect(end(&line) == .settle(PurgeOutcome(order, .done)))
    #expect(line.purgingCount == 0 && line.activeCount == 1)
  }

  @Test("one that a cache never takes steps back after some times, and one that it takes does not")
  func suspects() {
    var suspects = PurgeSuspects()
    let blamed = (1...4).map { _ in suspects.blame(key) }
    #expect(blamed == [false, false, true, true])
    suspects.clear(key)
    let isBlamedAgain = suspects.blame(key)
    #expect(!isBlamedAgain)
  }

  @Test("what has ended is kept until the store knows, whatever becomes of the cache")
  func endedStays() {
    var line = line(repeatAfter: nil, isChecked: false, calls: 1)
    _ = end(&line)
    line.abandonUnbegun()
    #expect(line.contains(order))
    line.remove(order)
    #expect(!line.contains(order))
  }

  @Test("an outcome that nobody waits for changes nothing")
  func surplus() {
    var line = line(calls: 1)
    _ = end(&line)
    #expect(end(&line, .refused("late")) == .wait)
    #expect(line.works[key]?.objection == nil)
  }

  @Test("what the cache has begun to take, or what is only looked for, survives an outage")
  func begun() {
    var begun = line(calls: 2)
    _ = end(&begun)
    begun.abandonUnbegun()
    #expect(end(&begun) == .check)
    begun.callBegins(key)
    begun.abandonUnbegun()
    #expect(end(&begun) != .abandoned)
  }

  @Test("what could not be looked for is looked for again, and not purged again")
  func unproven() {
    var line = line(calls: 1)
    #expect(end(&line) == .check)
    line.callBegins(key)
    #expect(end(&line, .unproven("no")) == .rest)
    #expect(line.takeRested(milliseconds: 10_000).map(\.onlyChecks) == [true])
    #expect(line.works[key]?.phase == .checking)
  }

  @Test("a repetition that finds the old answer is a first purge again")
  func relapse() {
    var again = order
    again.isRepetition = true
    var line = PurgeLine(repeatAfterSeconds: 2, isChecked: true)
    line.add(again)
    line.callBegins(key)
    #expect(end(&line) == .check)
    line.callBegins(key)
    #expect(end(&line, .stale("good")) == .rest)
    #expect(line.works[key]?.order.isRepetition == false)
  }

  @Test("a cache that takes its time is looked at later")
  func settling() {
    var line = PurgeLine(repeatAfterSeconds: nil, isChecked: true, settlingMilliseconds: 5000)
    line.add(order)
    line.callBegins(key)
    #expect(end(&line, at: 100) == .rest)
    #expect(line.takeRested(milliseconds: 5099).isEmpty)
    #expect(line.takeRested(milliseconds: 5100).map(\.onlyChecks) == [true])
    line.callBegins(key)
    #expect(end(&line) == .settle(PurgeOutcome(order, .done)))
    #expect(line.pause(afterFailures: 1) == 5000)
  }

  @Test("who has ended takes no room")
  func room() {
    var line = line(repeatAfter: nil, isChecked: false, calls: 1)
    #expect(line.activeCount == 1)
    _ = end(&line)
    #expect(line.activeCount == 0 && line.count == 1)
    line.remove(order)
    #expect(line.activeCount == 0 && line.count == 0)
    line.add(order)
    line.abandonUnbegun()
    #expect(line.activeCount == 0)
  }
}
