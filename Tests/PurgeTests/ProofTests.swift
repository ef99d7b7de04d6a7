import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

@testable import HTTPClient
@testable import Purge

struct ProofTests {
  private let issuer = Sample.issuer()
  private let serial = Sample.serial(1)
  private let revocation = Sample.revocation(.superseded)

  private func answer(
    _ status: CertificateStatus, of number: Int = 1, extensions: [UInt8] = []
  ) throws -> Result<HTTPClient.Response, HTTPClient.Failure> {
    let times = try #require(AnswerBuilder.times(issuer: issuer, now: Sample.start, jitter: 0))
    let tbs = AnswerBuilder.tbsResponseData(
      .init(status: status, singleExtensions: extensions),
      certID: try #require(issuer.encodedCertID(Sample.serial(number), .sha1)), times: times, issuer: issuer,
      credential: issuer.credential)
    return .success(
      response(200, AnswerBuilder.response(tbsResponseData: tbs, signature: [1], credential: issuer.credential)))
  }

  private func response(_ status: Int, _ body: [UInt8]) -> HTTPClient.Response {
    HTTPClient.Response(status: status, headers: [], body: body, milliseconds: 1)
  }

  private func proof(
    _ outcome: Result<HTTPClient.Response, HTTPClient.Failure>, _ expected: CertificateStatus?
  ) -> PurgeProof {
    PurgeProof(
      outcome, expected: expected.map { AnswerBuilder.Statement(status: $0) }, serial: serial, issuer: issuer,
      now: Sample.start)
  }

  @Test("the old status is stale, the new one is current")
  func status() throws {
    #expect(proof(try answer(.revoked(revocation)), .revoked(revocation)) == .current)
    guard case .stale(let what) = proof(try answer(.good), .revoked(revocation)) else {
      Issue.record("good proves a revocation")
      return
    }
    #expect(what.hasPrefix("good"))
  }

  @Test("another reason or time is stale, save that unspecified is none")
  func reasons() throws {
    for other in [
      Revocation(time: revocation.time, reason: .certificateHold), Revocation(time: Sample.start, reason: .superseded),
    ] {
      guard case .stale = proof(try answer(.revoked(other)), .revoked(revocation)) else {
        Issue.record("\(other) is taken for the same")
        continue
      }
    }
    let unspecified = Revocation(time: revocation.time, reason: .unspecified)
    #expect(proof(try answer(.revoked(unspecified)), .revoked(unspecified)) == .current)
  }

  @Test("a lifted hold must be good again")
  func lifted() throws {
    #expect(proof(try answer(.good), .good) == .current)
    guard case .stale = proof(try answer(.revoked(revocation)), .good) else {
      Issue.record("a revocation proves that it was lifted")
      return
    }
  }

  @Test("other extensions are stale, those that are gone too; the policy's archive cutoff is no difference")
  func extensions() throws {
    let noted = OCSPExtension(identifier: [0x55, 0x1D, 0x18], value: [0x05, 0x00]).encoded()
    let cutoff = SingleExtension.archiveCutoff(Sample.start)
    let none = AnswerBuilder.Statement(status: .good)
    let some = AnswerBuilder.Statement(status: .good, singleExtensions: noted)
    for (answered, expected, isCurrent) in [
      (noted, some, true), ([], some, false), (noted, none, false), ([], none, true), (cutoff, none, true),
      (noted + cutoff, some, true),
    ] {
      let proof = PurgeProof(
        try answer(.good, extensions: answered), expected: expected, serial: serial, issuer: issuer, now: Sample.start)
      #expect((proof == .current) == isCurrent, "\(answered) for \(expected)")
    }
  }

  @Test("the same number of another CA proves nothing")
  func otherIssuer() throws {
    let proof = PurgeProof(
      try answer(.good), expected: AnswerBuilder.Statement(status: .good), serial: serial,
      issuer: Sample.issuer(index: 1), now: Sample.start)
    guard case .unproven = proof else {
      Issue.record("\(proof)")
      return
    }
  }

  @Test("an unsigned answer proves nothing, save that nothing signed is due", arguments: [1, 2, 3, 6] as [UInt8])
  func errors(_ code: UInt8) {
    let unsigned = response(200, [0x30, 0x03, 0x0A, 0x01, code])
    guard case .unproven = proof(.success(unsigned), .good) else {
      Issue.record("it proves something")
      return
    }
    #expect((proof(.success(unsigned), nil) == .current) == (code == 6))
  }

  @Test("an answer that has ended is stale, whatever it says")
  func ended() throws {
    let later = Sample.start.advanced(bySeconds: 400 * 86_400)
    let proof = PurgeProof(
      try answer(.good), expected: AnswerBuilder.Statement(status: .good), serial: serial, issuer: issuer, now: later)
    guard case .stale = proof else {
      Issue.record("\(proof)")
      return
    }
  }

  @Test("nothing but an OCSP answer about this certificate proves anything")
  func unproven() throws {
    let failure = HTTPClient.Failure(description: "refused", isNobodyThere: true)
    for outcome: Result<HTTPClient.Response, HTTPClient.Failure> in [
      .failure(failure), .success(response(503, [])), .success(response(200, Array("hello".utf8))),
      try answer(.good, of: 2),
    ] {
      guard case .unproven = proof(outcome, .good) else {
        Issue.record("\(outcome) proves something")
        continue
      }
    }
  }

  @Test("where nothing is said any more, an answer is stale")
  func unauthorized() throws {
    guard case .stale = proof(try answer(.good), nil) else {
      Issue.record("good proves that nothing is said")
      return
    }
  }
}
