import CalendarTime
import Records
import TestSupport
import Testing

@testable import Feeds

@Suite("CRL tracker")
struct CRLTrackerTests {
  private func facts(
    _ number: UInt64?, at seconds: Int64 = 0, base: UInt64? = nil, partition: [UInt8] = [], digest: UInt8? = nil
  ) -> CRLFacts {
    CRLFacts(
      position: CRLPosition(
        number: number.map { CRLNumber($0) }, thisUpdate: Sample.start.advanced(bySeconds: seconds)),
      baseNumber: base.map { CRLNumber($0) }, partition: partition,
      digest: [digest ?? UInt8(truncatingIfNeeded: number ?? UInt64(seconds)), base == nil ? 0 : 1])
  }

  /// Takes a list as the watcher does.
  private func take(_ facts: CRLFacts, from source: Int = 1, _ tracker: inout CRLTracker) -> CRLTracker.Verdict {
    let verdict = tracker.verdict(on: facts, from: source)
    if verdict == .apply || verdict == .nothingNew { tracker.accept(facts, from: source, entries: 5) }
    return verdict
  }

  private func isRefused(_ verdict: CRLTracker.Verdict) -> Bool { if case .refused = verdict { true } else { false } }
  private func isWaiting(_ verdict: CRLTracker.Verdict) -> Bool {
    if case .waitsForBase = verdict { true } else { false }
  }

  @Test("numbers only grow; the same list again says nothing new")
  func numbers() {
    var tracker = CRLTracker()
    #expect(tracker.newestUpdate == nil)
    #expect(take(facts(5), &tracker) == .apply && take(facts(5), &tracker) == .nothingNew)
    #expect(take(facts(6, at: 10), &tracker) == .apply && tracker.number == CRLNumber(6))
    #expect(isRefused(take(facts(5), &tracker)) && tracker.number == CRLNumber(6))
    #expect(tracker.newestUpdate == Sample.start.advanced(bySeconds: 10) && tracker.entries == 5)
    #expect(take(facts(6, at: 10, digest: 99), &tracker) == .apply, "signed again under the same number")
  }

  @Test("without numbers it is the times that grow")
  func times() {
    var tracker = CRLTracker()
    #expect(take(facts(nil, at: 10), &tracker) == .apply && take(facts(nil, at: 20), &tracker) == .apply)
    #expect(isRefused(take(facts(nil, at: 10), &tracker)))
  }

  @Test("an older list of another source is no failure, and changes nothing")
  func mirrors() {
    var tracker = CRLTracker()
    #expect(take(facts(6, at: 60), &tracker) == .apply && take(facts(5, at: 50), from: 2, &tracker) == .nothingNew)
    #expect(tracker.number == CRLNumber(6) && tracker.newestUpdate == Sample.start.advanced(bySeconds: 60))
    #expect(take(facts(6, at: 60), from: 2, &tracker) == .nothingNew)
    #expect(isRefused(take(facts(5, at: 50), from: 2, &tracker)))
  }

  @Test("a delta list is applied over a base that is known and new enough (RFC 5280 5.2.4)")
  func deltas() {
    var tracker = CRLTracker()
    #expect(isWaiting(take(facts(7, at: 70, base: 5), from: 2, &tracker)))
    #expect(take(facts(4, at: 40), &tracker) == .apply && isWaiting(take(facts(7, at: 70, base: 5), from: 2, &tracker)))
    #expect(take(facts(5, at: 50), &tracker) == .apply)
    #expect(take(facts(7, at: 70, base: 5), from: 2, &tracker) == .apply)
    #expect(tracker.number == CRLNumber(7) && tracker.newestUpdate == Sample.start.advanced(bySeconds: 70))
    // A complete list that is behind the delta says nothing that is not known, and is a base all the same.
    #expect(take(facts(6, at: 60), &tracker) == .nothingNew && tracker.number == CRLNumber(7))
    #expect(take(facts(8, at: 80, base: 6), from: 2, &tracker) == .apply)
    #expect(isRefused(take(facts(7, at: 70, base: 5), from: 2, &tracker)))
    #expect(take(facts(8, at: 80), &tracker) == .apply)
    #expect(take(facts(9, at: 90), &tracker) == .apply)
    #expect(take(facts(9, at: 90, base: 8), from: 2, &tracker) == .nothingNew)
  }

  @Test("a base without a number is no base; nor is one of another partition")
  func foreignBases() {
    var tracker = CRLTracker()
    #expect(take(facts(nil, at: 50), &tracker) == .apply && isWaiting(take(facts(7, base: 5), from: 2, &tracker)))
    #expect(take(facts(6, partition: [1]), from: 3, &tracker) == .apply)
    #expect(isWaiting(take(facts(7, base: 5), from: 2, &tracker)))
    #expect(take(facts(7, base: 5, partition: [1]), from: 2, &tracker) == .apply)
  }

  @Test("of several partitions the oldest says how old the knowledge is")
  func partitions() {
    var tracker = CRLTracker()
    _ = take(facts(6, at: 60, partition: [1]), &tracker)
    _ = take(facts(3, at: 30, partition: [2]), from: 2, &tracker)
    #expect(tracker.newestUpdate == Sample.start.advanced(bySeconds: 30) && tracker.entries == 10)
    _ = take(facts(4, at: 90, partition: [2]), from: 2, &tracker)
    #expect(tracker.newestUpdate == Sample.start.advanced(bySeconds: 60))
    // A source that goes over to another partition leaves the old one to nobody.
    #expect(take(facts(1, at: 95, partition: [3]), &tracker) == .apply)
    #expect(tracker.newestUpdate == Sample.start.advanced(bySeconds: 90))
  }

  @Test("where the sources change, the age goes on until a new one has given something")
  func changedSources() {
    var tracker = CRLTracker()
    _ = take(facts(6, at: 60), &tracker)
    tracker.forget(1)
    #expect(tracker.newestUpdate == Sample.start.advanced(bySeconds: 60) && tracker.number == nil)
    #expect(take(facts(2, at: 20), from: 2, &tracker) == .apply)
    #expect(tracker.newestUpdate == Sample.start.advanced(bySeconds: 20))
  }

  @Test("answers are withheld where no list was read, or it is older than may be")
  func ages() {
    func objection(_ age: Int64?, maximum: Int64?) -> String? {
      CRLAge.objection(
        issuerName: "one", newestUpdate: age.map { Sample.start.advanced(bySeconds: -$0) }, maximumSeconds: maximum,
        now: Sample.start)
    }
    #expect(objection(nil, maximum: nil) == nil && objection(1_000_000, maximum: nil) == nil)
    #expect(objection(60, maximum: 60) == nil && objection(-5, maximum: 60) == nil)
    #expect(objection(61, maximum: 60)?.contains("61 s old") == true)
    #expect(objection(nil, maximum: 60)?.contains("'one'") == true)
  }
}
