import CalendarTime
import OCSP
import TestSupport
import Testing

@testable import Responder

@Suite("Answer cache")
struct AnswerCacheTests {
  private func key(_ number: Int, _ hash: HashAlgorithm = .sha1, issuer: UInt16 = 0) -> ResponseKey {
    ResponseKey(issuer: IssuerIndex(issuer), hashAlgorithm: hash, serial: Sample.serial(number))
  }

  private func answer(
    _ key: ResponseKey, revision: UInt64 = 1, producedAt: Int64 = 0, fill: UInt8 = 7, count: Int = 300,
    validity: Int64 = 1000, isForUnissued: Bool = false
  ) -> Answer {
    let start = Sample.start.advanced(bySeconds: producedAt)
    return Answer(
      key: key, revision: Revision(revision),
      times: AnswerTimes(
        producedAt: start, nextUpdate: start.advanced(bySeconds: validity), refreshAt: start.advanced(bySeconds: 500)),
      digest: ResponseDigest(octets: [UInt8](repeating: fill, count: 32)),
      prefix: [UInt8](repeating: fill, count: count), credential: CredentialIndex(0), isForUnissued: isForUnissued)
  }

  private func held(_ cache: AnswerCache, _ key: ResponseKey, now: UnixTime = Sample.start) -> [UInt8]? {
    var octets = [UInt8](repeating: 0, count: 8192)
    var span = octets.mutableSpan
    guard let head = cache.copy(key, now: now, into: &span) else { return nil }
    return Array(octets[..<head.prefixCount])
  }

  @Test("invariant 5: an answer is found under its own issuer, hash and serial only")
  func keys() {
    let cache = AnswerCache(budgetBytes: 1 << 20, seed: 42)
    #expect(cache.publish(answer(key(1)), asOf: Revision(1), now: Sample.start) == .stored)
    #expect(held(cache, key(1)) == [UInt8](repeating: 7, count: 300))
    #expect(held(cache, key(2)) == nil)
    for hash in HashAlgorithm.allCases where hash != .sha1 { #expect(held(cache, key(1, hash)) == nil) }
    #expect(held(cache, key(1, issuer: 1)) == nil)
  }

  @Test("invariant 4: an answer is not given out from its nextUpdate on")
  func expiry() {
    let cache = AnswerCache(budgetBytes: 1 << 20, seed: 42)
    _ = cache.publish(answer(key(1), validity: 10), asOf: Revision(1), now: Sample.start)
    #expect(held(cache, key(1), now: Sample.start.advanced(bySeconds: 9)) != nil)
    #expect(held(cache, key(1), now: Sample.start.advanced(bySeconds: 10)) == nil)
  }

  @Test("invariant 1: an answer of an older revision never replaces a newer one")
  func revisions() {
    let cache = AnswerCache(budgetBytes: 1 << 20, seed: 42)
    _ = cache.publish(answer(key(1), revision: 5, fill: 5), asOf: Revision(9), now: Sample.start)
    #expect(
      cache.publish(answer(key(1), revision: 4, producedAt: 100, fill: 4), asOf: Revision(9), now: Sample.start)
        == .superseded)
    #expect(
      cache.publish(answer(key(1), revision: 5, producedAt: -1, fill: 3), asOf: Revision(9), now: Sample.start)
        == .superseded)
    #expect(held(cache, key(1)) == [UInt8](repeating: 5, count: 300))
    #expect(cache.publish(answer(key(1), revision: 6, fill: 6), asOf: Revision(9), now: Sample.start) == .stored)
    #expect(held(cache, key(1)) == [UInt8](repeating: 6, count: 300))
  }

  @Test("invariant 1: after a fence no answer read before the change is taken, though nothing is held")
  func fence() {
    let cache = AnswerCache(budgetBytes: 1 << 20, seed: 42)
    _ = cache.publish(answer(key(1), revision: 1), asOf: Revision(1), now: Sample.start)
    #expect(cache.fence(key(1), revision: Revision(2)))
    #expect(held(cache, key(1)) == nil)
    // The slow refresh: its status was read at revision 1, before the revocation.
    #expect(
      cache.publish(answer(key(1), revision: 1, producedAt: 50), asOf: Revision(1), now: Sample.start)
        == .readStatusAgain)
    #expect(held(cache, key(1)) == nil)
    #expect(!cache.isCurrent(key(1), asOf: Revision(1)))
    #expect(cache.publish(answer(key(1), revision: 2), asOf: Revision(2), now: Sample.start) == .stored)
    #expect(!cache.fence(key(1), revision: Revision(2)), "the answer that has seen the change stays")
  }

  @Test("what fits the budget is never evicted, through many rounds of replacement")
  func noEviction() {
    let cache = AnswerCache(budgetBytes: 4 << 20, seed: 7)
    for round in 0..<20 {
      for number in 0..<4000 {
        let publication = cache.publish(
          answer(key(number), revision: UInt64(round + 1), fill: UInt8(round), count: 200 + number % 150),
          asOf: Revision(100), now: Sample.start)
        #expect(publication == .stored)
      }
    }
    for number in 0..<4000 {
      #expect(held(cache, key(number)) == [UInt8](repeating: 19, count: 200 + number % 150))
    }
    #expect(cache.statistics().evictions == 0)
    #expect(cache.statistics().entries == 4000)
  }

  @Test("invariant 7: over the budget the oldest go, and what stays is whole")
  func eviction() {
    let budget = 256 << 10
    let cache = AnswerCache(budgetBytes: budget, seed: 7)
    for number in 0..<20_000 {
      _ = cache.publish(answer(key(number), fill: UInt8(number & 0xFF)), asOf: Revision(1), now: Sample.start)
    }
    let statistics = cache.statistics()
    #expect(statistics.liveBytes <= budget && statistics.evictions > 0)
    var found = 0
    for number in 0..<20_000 {
      guard let octets = held(cache, key(number)) else { continue }
      found += 1
      #expect(octets == [UInt8](repeating: UInt8(number & 0xFF), count: 300))
    }
    #expect(found == statistics.entries && found > 300)
  }

  @Test("answers for unissued serials, however many are invented, push out no issued one")
  func unissuedShare() {
    let cache = AnswerCache(budgetBytes: 256 << 10, seed: 7)
    for number in 0..<200 { _ = cache.publish(answer(key(number)), asOf: Revision(1), now: Sample.start) }
    for number in 1000..<20_000 {
      _ = cache.publish(answer(key(number), isForUnissued: true), asOf: Revision(1), now: Sample.start)
    }
    for number in 0..<200 { #expect(held(cache, key(number)) != nil) }
    // A flood of some days ago is in nobody's way.
    #expect(held(cache, key(19_999)) != nil)
    #expect(cache.publish(answer(key(5), isForUnissued: true), asOf: Revision(1), now: Sample.start) == .stored)
    cache.dropUnissued()
    #expect(held(cache, key(19_999)) == nil && cache.statistics().entries == 200)
  }

  @Test("an answer from a clock that was ahead is not given out, and gives way to an honest one")
  func clockThatWasAhead() {
    let cache = AnswerCache(budgetBytes: 1 << 20, seed: 42)
    let now = Sample.start
    #expect(cache.publish(answer(key(1), producedAt: 86_400, fill: 1), asOf: Revision(1), now: now) == .stored)
    #expect(held(cache, key(1)) == nil)
    #expect(cache.publish(answer(key(1), fill: 2), asOf: Revision(1), now: now) == .stored)
    #expect(held(cache, key(1)) == [UInt8](repeating: 2, count: 300))
    // A clock that was set back by a little is nothing of the kind.
    #expect(cache.publish(answer(key(1), producedAt: 60, fill: 3), asOf: Revision(1), now: now) == .stored)
    #expect(held(cache, key(1)) == [UInt8](repeating: 3, count: 300))
    #expect(cache.publish(answer(key(1), fill: 4), asOf: Revision(1), now: now) == .superseded)
  }

  @Test("an answer that is too large is refused and harms nobody")
  func tooLarge() {
    let cache = AnswerCache(budgetBytes: 64 << 10, seed: 7)
    _ = cache.publish(answer(key(1)), asOf: Revision(1), now: Sample.start)
    #expect(cache.publish(answer(key(2), count: 60_000), asOf: Revision(1), now: Sample.start) == .notKept)
    #expect(held(cache, key(1)) != nil)
  }

  @Test("random operations agree with a dictionary")
  func model() {
    var random = SeededGenerator(seed: 11)
    let cache = AnswerCache(budgetBytes: 8 << 20, seed: 99)
    var model: [ResponseKey: (revision: UInt64, fill: UInt8)] = [:]
    var newest: UInt64 = 1
    for _ in 0..<60_000 {
      let key = key(Int.random(in: 0..<500, using: &random), Bool.random(using: &random) ? .sha1 : .sha256)
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        newest += 1
        cache.fence(key, revision: Revision(newest))
        if let held = model[key], held.revision < newest { model[key] = nil }
      case 1...6:
        let revision = UInt64.random(in: 1...newest, using: &random)
        let fill = UInt8.random(in: 0...255, using: &random)
        let publication = cache.publish(
          answer(key, revision: revision, fill: fill), asOf: Revision(newest), now: Sample.start)
        let isNewer = model[key].map { revision >= $0.revision } ?? true
        #expect(publication == (isNewer ? .stored : .superseded))
        if isNewer { model[key] = (revision, fill) }
      default:
        #expect(held(cache, key) == model[key].map { [UInt8](repeating: $0.fill, count: 300) })
      }
    }
  }
}
