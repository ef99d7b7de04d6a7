import CalendarTime
import OCSP
import Synchronization
import TestSupport
import Testing

@testable import Responder

/// Answers that come from a store without their octets.
@Suite("Answers taken from a store unseen")
struct StoredAnswerTests {
  private static let issuer = Sample.issuer()

  private struct Signed {
    var answer: Answer
    var signature: [UInt8]
    var revocationTime: UnixTime?

    var stored: StoredAnswer {
      StoredAnswer(
        key: answer.key, revision: answer.revision, times: answer.times, revocationTime: revocationTime,
        digestPrefix: answer.digest.prefixWord)
    }
  }

  /// The issuers of answers that were wrong.
  private final class Wrong: Sendable {
    private let issuers = Mutex<[IssuerIndex]>([])

    func add(_ issuer: IssuerIndex) { issuers.withLock { $0.append(issuer) } }
    var all: [IssuerIndex] { issuers.withLock { $0 } }
  }

  private let wrong = Wrong()
  private let entry: CredentialTable.Entry
  private let cache: AnswerCache

  init() {
    var table = CredentialTable()
    let index = table.insert(StoredAnswerTests.issuer.credential, storeID: StoreCredentialID(1))
    let entry = table[index]
    self.entry = entry
    let wrong = self.wrong
    cache = AnswerCache(
      budgetBytes: 4 << 20, seed: 42,
      proof: { prefix, credential in credential == index ? FakeHasher().sha256(prefix, entry.suffix) : nil },
      whenWrong: { issuer in wrong.add(issuer) })
  }

  private func signed(_ number: Int, at seconds: Int64 = 0, revoked: Bool = false, fill: UInt8 = 0x41) throws -> Signed
  {
    let issuer = StoredAnswerTests.issuer
    let revocation = Revocation(time: Sample.start.advanced(bySeconds: -Int64(number) - 1), reason: .superseded)
    let statement = AnswerBuilder.Statement(status: revoked ? .revoked(revocation) : .good)
    let key = ResponseKey(issuer: issuer.index, hashAlgorithm: .sha1, serial: Sample.serial(number))
    let now = Sample.start.advanced(bySeconds: seconds)
    let times = try #require(AnswerBuilder.times(issuer: issuer, now: now, jitter: 0.5))
    let certID = try #require(issuer.encodedCertID(key.serial, .sha1))
    let data = AnswerBuilder.tbsResponseData(
      statement, certID: certID, times: times, issuer: issuer, credential: issuer.credential)
    let integer = [0x02, 0x20] + [fill] + (1..<32).map { UInt8(truncatingIfNeeded: number &* $0) }
    let signature = [0x30, 0x44] + integer + integer
    let answer = AnswerBuilder.answer(
      AnswerBuilder.Plan(
        key: key, revision: Revision(1), times: times, isForUnissued: false, credential: CredentialIndex(0)),
      tbsResponseData: data, signature: signature, entry: entry, hasher: FakeHasher())
    return Signed(answer: answer, signature: signature, revocationTime: revoked ? revocation.time : nil)
  }

  private func held(_ key: ResponseKey) -> (octets: [UInt8], digest: ResponseDigest)? {
    var octets = [UInt8](repeating: 0, count: 4096)
    var span = octets.mutableSpan
    guard let head = cache.copy(key, now: Sample.start, into: &span) else { return nil }
    return (Array(octets[..<head.prefixCount]), head.digest)
  }

  /// The form of answers like these two, which come in whole.
  private func form(revoked: Bool = false) throws -> StoredForm {
    for number in 90_001...90_002 {
      let whole = try signed(number, revoked: revoked)
      #expect(cache.publish(whole.answer, asOf: Revision(1), now: Sample.start) == .stored)
    }
    return try #require(cache.form(of: signed(90_002, revoked: revoked).answer))
  }

  private func take(_ signed: Signed, _ form: StoredForm, digestPrefix: UInt64? = nil) -> AnswerCache.Publication? {
    var stored = signed.stored
    if let digestPrefix { stored.digestPrefix = digestPrefix }
    return cache.publish(
      stored, signature: signed.signature.span, form: form, asOf: Revision(1), now: Sample.start)
  }

  @Test("what was signed comes out again, with the whole digest", arguments: [false, true])
  func roundTrip(revoked: Bool) throws {
    let form = try form(revoked: revoked)
    defer { cache.release(form) }
    for number in 0..<500 {
      #expect(take(try signed(number, at: Int64(number % 7), revoked: revoked), form) == .stored)
    }
    for number in 0..<500 {
      let wanted = try signed(number, at: Int64(number % 7), revoked: revoked).answer
      // Once by each way of asking, in both orders.
      if number.isMultiple(of: 2) {
        #expect(cache.answer(wanted.key, now: Sample.start.advanced(bySeconds: 9)) == wanted)
      }
      let found = held(wanted.key)
      #expect(found?.octets == wanted.prefix && found?.digest == wanted.digest)
      #expect(cache.answer(wanted.key, now: Sample.start) == wanted)
      #expect(cache.peek(wanted.key)?.times == wanted.times)
    }
  }

  @Test("invariant 5: one whose octets are not what was signed is never given out, and is gone")
  func wrongDigest() throws {
    let form = try form()
    defer { cache.release(form) }
    for number in 0..<20 {
      #expect(take(try signed(number), form, digestPrefix: 12) == .stored)
      let key = try signed(number).answer.key
      #expect(cache.peek(key) != nil)
      if number.isMultiple(of: 2) {
        #expect(held(key) == nil)
      } else {
        #expect(cache.answer(key, now: Sample.start) == nil)
      }
      #expect(cache.peek(key) == nil)
    }
    #expect(wrong.all == Array(repeating: StoredAnswerTests.issuer.index, count: 20))
  }

  @Test("what is of another form is not taken")
  func otherForms() throws {
    let form = try form()
    defer { cache.release(form) }
    #expect(take(try signed(1, revoked: true), form) == nil)
    var other = try signed(2)
    other.answer.key.hashAlgorithm = .sha256
    #expect(take(other, form) == nil)
    other = try signed(3)
    other.answer.times.nextUpdate = other.answer.times.nextUpdate.advanced(bySeconds: 1)
    #expect(take(other, form) == nil)
    other = try signed(4)
    other.signature.append(0)
    #expect(take(other, form) == nil)
    other = try signed(5)
    other.signature[0] = 0x31
    #expect(take(other, form) == nil)
    other = try signed(6)
    other.answer.key.serial = try #require(SerialNumber(content: [1, 2, 3]))
    #expect(take(other, form) == nil)
    #expect(cache.statistics().entries == 2)
  }

  @Test("a walk looks at all of them, names the issuers of those that are wrong, and drops these")
  func walk() throws {
    let form = try form()
    defer { cache.release(form) }
    for number in 0..<3000 {
      let wrong: UInt64? = number % 100 == 7 ? 1 : nil
      #expect(take(try signed(number), form, digestPrefix: wrong) == .stored)
    }
    var cursor = AnswerCache.ConfirmationCursor()
    var confirmed = 0
    while let step = cache.confirmSome(&cursor) { confirmed += step }
    #expect(confirmed == 2970)
    #expect(wrong.all == Array(repeating: StoredAnswerTests.issuer.index, count: 30))
    for number in 0..<3000 {
      let wanted = try signed(number).answer
      #expect((held(wanted.key)?.digest == wanted.digest) == (number % 100 != 7))
    }
    var second = AnswerCache.ConfirmationCursor()
    while let step = cache.confirmSome(&second) { #expect(step == 0) }
    #expect(wrong.all.count == 30)
  }

  @Test("a form in use keeps its template, though no answer is of it any more")
  func keptForm() throws {
    let form = try form()
    cache.dropAll()
    // More kinds than there is room for, so that unused ones have to go.
    let small = try signed(1)
    #expect(take(small, form) == .stored)
    #expect(held(small.answer.key)?.octets == small.answer.prefix)
    cache.release(form)
    #expect(cache.form(of: try signed(77).answer) == nil)
  }

  @Test("an older one does not replace a newer, nor one from before the newest change")
  func order() throws {
    let form = try form()
    defer { cache.release(form) }
    #expect(cache.publish(try signed(1, at: 5).answer, asOf: Revision(1), now: Sample.start) == .stored)
    #expect(take(try signed(1), form) == .superseded)
    // The same one, which is known to be right: a wrong row must not take its place.
    #expect(take(try signed(1, at: 5), form, digestPrefix: 3) == .superseded)
    cache.fence(try signed(2).answer.key, revision: Revision(5))
    #expect(take(try signed(2), form) == .readStatusAgain)
    // Neither was counted as a use of the template.
    let wanted = try signed(1, at: 5).answer
    #expect(held(wanted.key)?.octets == wanted.prefix)
  }
}
