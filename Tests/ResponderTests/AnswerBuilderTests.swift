import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

@Suite("What answers say and how long they live")
struct AnswerBuilderTests {
  private let now = Sample.start

  private func reading(_ record: CertificateRecord?) -> StatusReading {
    StatusReading(record: record, revision: Revision(1), asOf: Revision(1))
  }

  @Test("invariant 3: what was never issued is good for nobody but an issuer that insists")
  func unissued() {
    var policy = IssuerPolicy()
    #expect(policy.unissued == .unauthorized, "the default must never be good")
    #expect(AnswerBuilder.statement(for: reading(nil), policy: policy, now: now) == nil)
    policy.unissued = .unknown
    #expect(AnswerBuilder.statement(for: reading(nil), policy: policy, now: now)?.status == .unknown)
    policy.unissued = .extendedRevoke
    let revoked = AnswerBuilder.statement(for: reading(nil), policy: policy, now: now)
    #expect(revoked?.status == .revoked(Revocation(time: UnixTime(seconds: 0), reason: .certificateHold)))
    #expect(revoked?.isExtendedRevoke == true)
    policy.unissued = .good
    #expect(AnswerBuilder.statement(for: reading(nil), policy: policy, now: now)?.status == .good)
  }

  @Test("a record says what it says, whatever the policy for unissued serials")
  func issued() {
    for unissued in [UnissuedPolicy.unauthorized, .unknown, .extendedRevoke, .good] {
      var policy = IssuerPolicy()
      policy.unissued = unissued
      let good = AnswerBuilder.statement(for: reading(Sample.record(1)), policy: policy, now: now)
      #expect(good == AnswerBuilder.Statement(status: .good))
      let record = Sample.record(1, revocation: Sample.revocation())
      let revoked = AnswerBuilder.statement(for: reading(record), policy: policy, now: now)
      #expect(revoked == AnswerBuilder.Statement(status: .revoked(Sample.revocation())))
    }
  }

  @Test("certificates that ended long ago are answered for as long as the policy says")
  func expired() {
    var policy = IssuerPolicy()
    let record = CertificateRecord(serial: Sample.serial(1), notAfter: now.advanced(bySeconds: -100))
    #expect(AnswerBuilder.statement(for: reading(record), policy: policy, now: now) != nil)
    policy.keepExpiredSeconds = 100
    #expect(AnswerBuilder.statement(for: reading(record), policy: policy, now: now) != nil)
    policy.keepExpiredSeconds = 99
    #expect(AnswerBuilder.statement(for: reading(record), policy: policy, now: now) == nil)
  }

  @Test("nextUpdate is one second short of the validity (standards 36), the refresh before it")
  func validity() throws {
    let issuer = Sample.issuer()
    for jitter in [0, 0.25, 0.5, 1] {
      let times = try #require(AnswerBuilder.times(issuer: issuer, now: now, jitter: jitter))
      #expect(times.producedAt == now)
      #expect(times.nextUpdate.seconds(since: now) == issuer.policy.validitySeconds - 1)
      let age = times.refreshAt.seconds(since: now)
      #expect(age <= issuer.policy.refreshAgeSeconds && age >= issuer.policy.refreshAgeSeconds * 9 / 10)
    }
  }

  @Test("invariant 4: no answer begins before or ends after its signer's certificate")
  func signerBounds() throws {
    for left: Int64 in [1, 2, 59, 3600, 86_400, 259_198, 259_205] {
      let issuer = Sample.issuer(notAfter: now.advanced(bySeconds: left))
      let times = try #require(AnswerBuilder.times(issuer: issuer, now: now, jitter: 0.5))
      #expect(times.nextUpdate <= issuer.credential.notAfter)
      #expect(times.refreshAt > now)
    }
    #expect(AnswerBuilder.times(issuer: Sample.issuer(notAfter: now), now: now, jitter: 0) == nil)
    #expect(
      AnswerBuilder.times(issuer: Sample.issuer(notBefore: now.advanced(bySeconds: 1)), now: now, jitter: 0) == nil)
    #expect(AnswerBuilder.times(issuer: Sample.issuer(notBefore: now), now: now, jitter: 0) != nil)
  }

  @Test("an answer that its signer's end cuts short is renewed no more often than need be")
  func clipped() throws {
    var policy = IssuerPolicy()
    (policy.validitySeconds, policy.refreshAgeSeconds) = (3650 * 86_400, 86_400)
    for left: Int64 in [90 * 86_400, 10 * 86_400] {
      let issuer = Sample.issuer(policy: policy, notAfter: now.advanced(bySeconds: left))
      let times = try #require(AnswerBuilder.times(issuer: issuer, now: now, jitter: 0))
      #expect(times.refreshAt.seconds(since: now) == 86_400)
    }
    let short = Sample.issuer(policy: policy, notAfter: now.advanced(bySeconds: 6 * 3600))
    #expect(
      try #require(AnswerBuilder.times(issuer: short, now: now, jitter: 0)).refreshAt.seconds(since: now) == 10_800)
    let shorter = Sample.issuer(policy: policy, notAfter: now.advanced(bySeconds: 5000))
    #expect(
      try #require(AnswerBuilder.times(issuer: shorter, now: now, jitter: 0)).refreshAt.seconds(since: now) == 3600)
  }

  @Test("what is said of an unissued serial is short-lived: it may be issued the next moment (TLS BR 4.9.9)")
  func unissuedTimes() throws {
    let issuer = Sample.issuer()
    let times = try #require(AnswerBuilder.times(issuer: issuer, now: now, jitter: 0, isForUnissued: true))
    #expect(times.nextUpdate.seconds(since: now) < 900 && times.refreshAt < times.nextUpdate)
    #expect(MaximumAge.seconds(times: times, now: now, cap: 3600) <= 450)
    var policy = IssuerPolicy()
    policy.isForever = true
    let last = Sample.issuer(policy: policy)
    #expect(try #require(AnswerBuilder.times(issuer: last, now: now, jitter: 0)).nextUpdate == UnixTime.endOfTime)
    let unissued = try #require(AnswerBuilder.times(issuer: last, now: now, jitter: 0, isForUnissued: true))
    #expect(unissued.nextUpdate.seconds(since: now) < 900)
  }

  @Test("max-age ends before nextUpdate and at the planned refresh (standards 21)")
  func maximumAge() throws {
    let times = AnswerTimes(
      producedAt: now, nextUpdate: now.advanced(bySeconds: 1000), refreshAt: now.advanced(bySeconds: 400))
    for second in Int64(0)..<1100 {
      let moment = now.advanced(bySeconds: second)
      let age = MaximumAge.seconds(times: times, now: moment, cap: 300)
      #expect(age >= 0 && age <= 300)
      if second < 400 { #expect(moment.advanced(bySeconds: age) <= times.refreshAt) } else { #expect(age == 0) }
      if age > 0 { #expect(moment.advanced(bySeconds: age) < times.nextUpdate) }
    }
    let late = AnswerTimes(
      producedAt: now, nextUpdate: now.advanced(bySeconds: 10), refreshAt: now.advanced(bySeconds: 50))
    #expect(MaximumAge.seconds(times: late, now: now, cap: 300) == 9)
  }

  @Test("single extensions and the archive cutoff stand in the answer, not in one for an unissued serial")
  func extensions() throws {
    var policy = IssuerPolicy()
    policy.archiveCutoff = .retention(seconds: 1000)
    let issuer = Sample.issuer(policy: policy)
    let times = try #require(AnswerBuilder.times(issuer: issuer, now: now, jitter: 0))
    let own = SingleExtension.invalidityDate(now)
    let statement = AnswerBuilder.Statement(status: .good, singleExtensions: own)
    let single = AnswerBuilder.singleResponse(statement, certID: [0x30, 0], times: times, issuer: issuer)
    #expect(single.singleExtensions == own + SingleExtension.archiveCutoff(now.advanced(bySeconds: -1000)))
    let unissued = AnswerBuilder.Statement(status: .unknown, isForUnissued: true)
    #expect(
      AnswerBuilder.singleResponse(unissued, certID: [0x30, 0], times: times, issuer: issuer).singleExtensions == [])
  }

  @Test("a record's own archive cutoff is the one of its answer, and the only one", arguments: [true, false])
  func ownArchiveCutoff(isOfIssuer: Bool) throws {
    var policy = IssuerPolicy()
    policy.archiveCutoff = isOfIssuer ? .issuerNotBefore : .retention(seconds: 1000)
    let issuer = Sample.issuer(policy: policy)
    let times = try #require(AnswerBuilder.times(issuer: issuer, now: now, jitter: 0))
    let own = SingleExtension.invalidityDate(now) + SingleExtension.archiveCutoff(now.advanced(bySeconds: -5))
    let statement = AnswerBuilder.Statement(status: .good, singleExtensions: own)
    let single = AnswerBuilder.singleResponse(statement, certID: [0x30, 0], times: times, issuer: issuer)
    #expect(single.singleExtensions == own)
  }

  @Test("a template gives the octets that are built one by one, for every kind of answer and serial")
  func template() throws {
    var random = SeededGenerator(seed: 4)
    var template = ResponseDataTemplate()
    var policy = IssuerPolicy()
    policy.archiveCutoff = .retention(seconds: 1000)
    let issuers = [Sample.issuer(index: 0), Sample.issuer(index: 1, policy: policy)]
    let statements = [
      AnswerBuilder.Statement(status: .good), AnswerBuilder.Statement(status: .revoked(Sample.revocation())),
      AnswerBuilder.Statement(status: .revoked(Sample.revocation(nil))),
      AnswerBuilder.Statement(status: .unknown, isForUnissued: true),
      AnswerBuilder.Statement(
        status: .revoked(Sample.revocation(.certificateHold)), isForUnissued: true, isExtendedRevoke: true),
      AnswerBuilder.Statement(
        status: .good, singleExtensions: SingleExtension.archiveCutoff(UnixTime(seconds: 1_700_000_000))),
    ]
    var reused = 0
    var last: [UInt8]?
    for round in 0..<4000 {
      // Each combination a few times in a row, as in bulk.
      let issuer = issuers[round / 8 % 2]
      let statement = statements[round / 16 % statements.count]
      let octets = (0..<[1, 5, 16, 20, 32][round / 4 % 5]).map { _ in UInt8.random(in: 1...127, using: &random) }
      let serial = try #require(SerialNumber(content: octets))
      let algorithm = HashAlgorithm.allCases[round / 2 % HashAlgorithm.allCases.count]
      let now = Sample.start.advanced(bySeconds: Int64(round / 64))
      let times = try #require(AnswerBuilder.times(issuer: issuer, now: now, jitter: 0.5))
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: serial)
      let expected = AnswerBuilder.tbsResponseData(
        statement, certID: try #require(issuer.encodedCertID(serial, algorithm)), times: times, issuer: issuer,
        credential: issuer.credential)
      let actual = template.tbsResponseData(
        statement, key: key, times: times, issuer: issuer, credential: issuer.credential)
      #expect(actual == expected)
      if last?.count == expected.count { reused += 1 }
      last = expected
    }
    #expect(reused > 1000)
    let retired = issuers[0].retired
    let key = ResponseKey(issuer: retired.index, hashAlgorithm: .sha1, serial: Sample.serial(1))
    let times = try #require(AnswerBuilder.times(issuer: issuers[0], now: Sample.start, jitter: 0))
    let nothing = ResponseDataTemplate().tbs(statements[0], key, times, retired)
    #expect(nothing == nil)
  }
}

extension ResponseDataTemplate {
  fileprivate func tbs(
    _ statement: AnswerBuilder.Statement, _ key: ResponseKey, _ times: AnswerTimes, _ issuer: Issuer
  ) -> [UInt8]? {
    var copy = self
    return copy.tbsResponseData(
      statement, key: key, times: times, issuer: issuer, credential: issuer.credential)
  }
}
