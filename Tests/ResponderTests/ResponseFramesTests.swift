import CalendarTime
import OCSP
import TestSupport
import Testing

@testable import Responder

@Suite("Frames of responses")
struct ResponseFramesTests {
  @Test("whatever came before, an answer is the one that is made without frames")
  func sameAnswers() throws {
    var random = SeededGenerator(seed: 7)
    let issuer = Sample.issuer()
    var table = CredentialTable()
    var credentials: [CredentialIndex] = []
    for (number, certificates) in [
      [], [[UInt8](repeating: 1, count: 90)], [[UInt8](repeating: 2, count: 700)],
    ].enumerated() {
      var credential = issuer.credential
      credential.certificates = certificates
      credentials.append(table.insert(credential, storeID: StoreCredentialID(Int64(number))))
    }
    var frames = ResponseFrames()
    for _ in 0..<2000 {
      let credential = try #require(credentials.randomElement(using: &random))
      let key = ResponseKey(
        issuer: issuer.index, hashAlgorithm: .sha1, serial: Sample.serial(Int.random(in: 1...9, using: &random)))
      let times = try #require(AnswerBuilder.times(issuer: issuer, now: Sample.start, jitter: 0))
      let plan = AnswerBuilder.Plan(
        key: key, revision: Revision(1), times: times, isForUnissued: false, credential: credential)
      // Of many sizes, on both sides of where lengths take an octet more.
      let data = octets([40, 100, 101, 150, 230, 231, 300].randomElement(using: &random) ?? 0, &random)
      let signature = octets([70, 71, 72, 256].randomElement(using: &random) ?? 0, &random)
      let expected = AnswerBuilder.answer(
        plan, tbsResponseData: data, signature: signature, entry: table[credential], hasher: FakeHasher())
      let actual = frames.answer(
        plan, tbsResponseData: data, signature: signature, entry: table[credential], hasher: FakeHasher())
      #expect(actual == expected)
    }
  }

  private func octets(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }
}
