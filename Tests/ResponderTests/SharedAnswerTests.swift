import CalendarTime
import OCSP
import TestSupport
import Testing

@testable import Responder

@Suite("Answers as nodes share them")
struct SharedAnswerTests {
  private let issuer = Sample.issuer()
  private let hasher = FakeHasher()

  private func answer(
    _ number: Int = 1, token: UInt64 = 3, revision: UInt64 = 7, at seconds: Int64 = 0,
    status: CertificateStatus = .good, times other: AnswerTimes? = nil
  ) throws -> (SharedAnswer, certID: [UInt8]) {
    let serial = Sample.serial(number)
    let certID = try #require(issuer.encodedCertID(serial, .sha1))
    let times = try #require(
      AnswerBuilder.times(issuer: issuer, now: Sample.start.advanced(bySeconds: seconds), jitter: 0))
    let tbs = AnswerBuilder.tbsResponseData(
      AnswerBuilder.Statement(status: status), certID: certID, times: times, issuer: issuer,
      credential: issuer.credential)
    let response = AnswerBuilder.response(tbsResponseData: tbs, signature: [1, 2, 3], credential: issuer.credential)
    let key = SharedKey(issuer: SharedIssuerName(0x0123_4567_89AB_CDEF), hashAlgorithm: .sha1, serial: serial)
    return (
      SharedAnswer(
        key: key, token: FencingToken(token), revision: Revision(revision), times: other ?? times, response: response),
      certID
    )
  }

  @Test("a frame is read back as it was written, and its key has the name that Redis knows")
  func roundTrip() throws {
    let (answer, certID) = try answer()
    let octets = answer.encoded(hasher: hasher)
    let read = try SharedAnswer.read(octets, for: answer.key, certID: certID, now: Sample.start, hasher: hasher).answer
    #expect(read == answer)
    #expect("\(answer.key)" == "avouch:r:0123456789abcdef:sha1:0100000001")
    #expect(answer.key.redisKey == Array("\(answer.key)".utf8))
    #expect(SharedIssuerName(identity: [0, 0xAB]).description == "00ab000000000000")
  }

  @Test("no frame that was cut short, lengthened or changed in one bit is used")
  func damage() throws {
    let (answer, certID) = try answer()
    let octets = answer.encoded(hasher: hasher)
    func fault(_ octets: [UInt8]) -> SharedAnswer.Fault? {
      do {
        _ = try SharedAnswer.read(octets, for: answer.key, certID: certID, now: Sample.start, hasher: hasher)
        return nil
      } catch { return error }
    }
    for count in 0..<octets.count { #expect(fault(Array(octets[..<count])) == .damaged) }
    #expect(fault(octets + [0]) == .damaged)
    for place in octets.indices {
      var changed = octets
      changed[place] ^= 1 << UInt8(place % 8)
      #expect(fault(changed) == .damaged, "octet \(place)")
    }
  }

  @Test("a whole frame is refused where it is another's, contradicts its response, or has ended")
  func foreign() throws {
    let (answer, certID) = try answer(1)
    let (other, otherCertID) = try self.answer(2)
    func fault(_ answer: SharedAnswer, _ key: SharedKey, _ certID: [UInt8], at seconds: Int64 = 0) -> SharedAnswer
      .Fault?
    {
      do {
        _ = try SharedAnswer.read(
          answer.encoded(hasher: hasher), for: key, certID: certID, now: Sample.start.advanced(bySeconds: seconds),
          hasher: hasher)
        return nil
      } catch { return error }
    }
    #expect(fault(answer, other.key, otherCertID) == .foreign)
    #expect(fault(answer, answer.key, otherCertID) == .contradictory)
    #expect(fault(answer, answer.key, certID, at: issuer.policy.validitySeconds) == .untimely)
    #expect(fault(answer, answer.key, certID, at: -1000) == .untimely)
    var swapped = answer
    swapped.response = other.response
    #expect(fault(swapped, answer.key, certID) == .contradictory)
    var longer = answer
    longer.times.nextUpdate = answer.times.nextUpdate.advanced(bySeconds: 1)
    #expect(fault(longer, answer.key, certID) == .contradictory)
    var error = answer
    error.response = [0x30, 0x03, 0x0A, 0x01, 0x03]
    #expect(fault(error, answer.key, certID) == .contradictory)
  }

  @Test("invariant 1: a write is refused by token, by revision and by time, and only then")
  func order() throws {
    func frame(_ token: UInt64, _ revision: UInt64, _ seconds: Int64) throws -> [UInt8] {
      try answer(token: token, revision: revision, at: seconds).0.encoded(hasher: hasher)
    }
    let held = try frame(3, 7, 100)
    let cases: [(UInt64, UInt64, Int64, SharedWrite.Outcome)] = [
      (3, 7, 100, .unchanged), (3, 7, 99, .superseded), (3, 7, 101, .replaced), (3, 6, 500, .superseded),
      (3, 8, 0, .replaced), (2, 9, 500, .fenced), (4, 7, 100, .written), (4, 7, 99, .superseded),
      (4, 6, 500, .superseded), (4, 8, 0, .replaced),
    ]
    for (token, revision, seconds, expected) in cases {
      let new = try frame(token, revision, seconds)
      #expect(SharedWrite.outcome(of: new, over: held) == expected, "\(token) \(revision) \(seconds)")
    }
    for damaged in [nil, [], Array("rubbish".utf8), Array(held.prefix(27))] as [[UInt8]?] {
      #expect(SharedWrite.outcome(of: try frame(1, 1, 0), over: damaged) == .written)
    }
  }

  @Test("entries of the stream are read back as they were written, and no damaged one is")
  func updates() throws {
    let (answer, _) = try answer()
    let keys = (1...UpdateEntry.maximumRenewals).map { number in
      UpdateEntry.Renewal(
        key: SharedKey(issuer: SharedIssuerName(9), hashAlgorithm: .sha256, serial: Sample.serial(number)),
        revision: Revision(UInt64(number)), producedAt: Sample.start)
    }
    let news: [UpdateEntry.News] = [
      .changed(answer.key, Revision(5), frame: answer.encoded(hasher: hasher)),
      .changed(answer.key, Revision(5), frame: []), .renewed(keys), .renewed([]),
      .unissued([answer.key]), .changed([]),
    ]
    for one in news {
      let entry = UpdateEntry(number: 41, token: FencingToken(2), news: one)
      let octets = entry.encoded(hasher: hasher)
      #expect(UpdateEntry(octets, hasher: hasher) == entry)
      // The longest has thousands of octets that are all of one kind.
      for place in stride(from: 0, to: octets.count, by: max(1, octets.count / 200)) {
        var changed = octets
        changed[place] ^= 0x10
        #expect(UpdateEntry(changed, hasher: hasher) == nil)
        #expect(UpdateEntry(Array(octets[..<place]), hasher: hasher) == nil)
      }
    }
    let tooMany = UpdateEntry(number: 1, token: FencingToken(1), news: .renewed(keys + [keys[0]]))
    #expect(UpdateEntry(tooMany.encoded(hasher: hasher), hasher: hasher) == nil)
  }

  @Test("a node notices every gap in the stream, and no more than that")
  func gaps() {
    func entry(_ number: UInt64, _ token: UInt64 = 1) -> UpdateEntry {
      UpdateEntry(number: number, token: FencingToken(token), news: .renewed([]))
    }
    var position = UpdatePosition()
    #expect(position.read(entry(10)) == .next)
    #expect(position.read(entry(11)) == .next)
    #expect(position.read(entry(11)) == .ignored, "sent twice")
    #expect(position.read(entry(13)) == .gap, "one was lost")
    #expect(position.read(entry(14)) == .next)
    #expect(position.read(entry(15, 2)) == .next, "another origin goes on where the first stopped")
    #expect(position.read(entry(16, 1)) == .ignored, "the replaced one still sends")
    #expect(position.read(entry(16, 2)) == .next)
    #expect(position.read(entry(12, 3)) == .gap, "a new origin read a stream that had lost its end")
    #expect(position.read(entry(13, 3)) == .next)
    var late = UpdatePosition()
    late.begin(after: entry(10))
    #expect(late.read(entry(12)) == .gap, "one was announced before it listened")
    late.begin(after: nil)
    #expect(late.read(entry(500)) == .next, "nothing was announced before")
  }
}
