import CalendarTime
import LoadReport
import OCSP
import Testing

@testable import LoadGenerator

@Suite("Check of an answer")
struct AnswerCheckTests {
  private func statement(
    _ body: [UInt8], hash: HashAlgorithm = .sha1, serial: SerialNumber, nonce: [UInt8]? = nil,
    now: UnixTime = LoadWorld.now
  ) throws -> AnswerCheck.Statement {
    let head = try #require(try LoadWorld.issuer().heads[hash])
    return AnswerCheck(body.span, now: now).statement(head: head.span, serial: serial, nonce: nonce?.span)
  }

  private func certID(_ serial: SerialNumber, _ hash: HashAlgorithm = .sha1) throws -> [UInt8] {
    try #require(try LoadWorld.issuer().certID(hash, serial)).encoded()
  }

  @Test("each status is told, with each hash and length of serial", arguments: HashAlgorithm.allCases)
  func statuses(hash: HashAlgorithm) throws {
    for length in [1, 8, 16, 20, 32] {
      let serial = try LoadWorld.serial(octets: length)
      let body = { LoadWorld.answer([try certID(serial, hash)], .init(status: $0)) }
      #expect(try statement(body(.good), hash: hash, serial: serial) == .good)
      #expect(try statement(body(.unknown), hash: hash, serial: serial) == .unknown)
      let revoked = CertificateStatus.revoked(Revocation(time: LoadWorld.now, reason: .keyCompromise))
      #expect(try statement(body(revoked), hash: hash, serial: serial) == .revoked)
      let other = try LoadWorld.serial(octets: length, 8)
      #expect(try statement(body(.good), hash: hash, serial: other) == .wrong(.wrongCertID))
    }
  }

  @Test("the hash of the answer has to be that of the question; its parameters may be left out")
  func hashes() throws {
    let serial = try LoadWorld.serial(octets: 16)
    let body = LoadWorld.answer([try certID(serial, .sha256)])
    #expect(try statement(body, hash: .sha1, serial: serial) == .wrong(.wrongCertID))
    // SEQUENCE { SEQUENCE { OID }, hashes, serial }: two octets fewer, in both lengths.
    var bare = try certID(serial)
    #expect(Array(bare[11..<13]) == [0x05, 0x00])
    bare.removeSubrange(11..<13)
    bare[1] -= 2
    bare[3] -= 2
    #expect(try statement(LoadWorld.answer([bare]), serial: serial) == .good)
    bare[bare.count - 20] ^= 1
    #expect(try statement(LoadWorld.answer([bare]), serial: serial) == .wrong(.wrongCertID))
  }

  @Test("the entry that was asked for is found among others")
  func severalEntries() throws {
    let serial = try LoadWorld.serial(octets: 9)
    let others = try [2, 3].map { try certID(try LoadWorld.serial(octets: 9, $0)) }
    #expect(try statement(LoadWorld.answer(others + [try certID(serial)]), serial: serial) == .good)
    #expect(try statement(LoadWorld.answer(others), serial: serial) == .wrong(.wrongCertID))
  }

  @Test("times are held against the clock, with a few seconds forgiven")
  func times() throws {
    let serial = try LoadWorld.serial(octets: 9)
    func at(_ thisUpdate: Int64, _ nextUpdate: Int64?) throws -> AnswerCheck.Statement {
      let saying = LoadWorld.Saying(
        thisUpdate: LoadWorld.now.advanced(bySeconds: thisUpdate),
        nextUpdate: nextUpdate.map { LoadWorld.now.advanced(bySeconds: $0) })
      return try statement(LoadWorld.answer([try certID(serial)], saying), serial: serial)
    }
    #expect(try at(-60, 60) == .good)
    #expect(try at(-60, nil) == .good)
    #expect(try at(5, 60) == .good)
    #expect(try at(6, 60) == .wrong(.fromTheFuture))
    #expect(try at(-60, -5) == .good)
    #expect(try at(-60, -6) == .wrong(.expired))
  }

  @Test("a nonce that comes back has to be the one that was sent; none is none")
  func nonces() throws {
    let serial = try LoadWorld.serial(octets: 9)
    let nonce = [UInt8](repeating: 9, count: 32)
    func with(_ value: [UInt8]?) throws -> [UInt8] { LoadWorld.answer([try certID(serial)], .init(nonce: value)) }
    #expect(try statement(with(OCSPRequest.wrapped(nonce)), serial: serial, nonce: nonce) == .good)
    #expect(try statement(with(nil), serial: serial, nonce: nonce) == .good)
    let other = OCSPRequest.wrapped([UInt8](repeating: 8, count: 32))
    #expect(try statement(with(other), serial: serial, nonce: nonce) == .wrong(.wrongNonce))
    #expect(try statement(with(other), serial: serial) == .good)
  }

  @Test("answers without a body are told by their status; half a body is malformed")
  func errors() throws {
    let serial = try LoadWorld.serial(octets: 9)
    for status in OCSPResponseStatus.allCases where status != .successful {
      #expect(try statement(LoadWorld.errorAnswer(status), serial: serial) == .status(status))
    }
    #expect(try statement(LoadWorld.errorAnswer(.successful), serial: serial) == .wrong(.malformedResponse))
    #expect(try statement([0x30, 0x03, 0x0A, 0x01, 0x04], serial: serial) == .wrong(.malformedResponse))
    let whole = LoadWorld.answer([try certID(serial)])
    for count in 0..<whole.count {
      #expect(try statement(Array(whole[..<count]), serial: serial) == .wrong(.malformedResponse))
    }
    #expect(try statement(whole + [0], serial: serial) == .wrong(.malformedResponse))
  }

  /// The question of the vector, and the time at which its answer holds.
  private func vector() throws -> (body: [UInt8], certID: CertID, now: UnixTime) {
    let body = try Vector.octets("b5_response.der")
    let single = try #require(try ReceivedResponse(body).basic?.responses.first)
    return (body, try #require(try single.certID()), single.thisUpdate)
  }

  @Test("the response of RFC 9919 Appendix B is good for its certificate")
  func realResponse() throws {
    let (body, certID, now) = try vector()
    let head = CertID.head(certID.hashAlgorithm, nameHash: certID.issuerNameHash, keyHash: certID.issuerKeyHash)
    let check = AnswerCheck(body.span, now: now)
    #expect(check.statement(head: head.span, serial: certID.serial, nonce: nil) == .good)
    let other = try LoadWorld.serial(octets: certID.serial.count)
    #expect(check.statement(head: head.span, serial: other, nonce: nil) == .wrong(.wrongCertID))
  }

  @Test("whatever octet is damaged in whatever way, no answer is fine that the full reader would not call so")
  func everyOctet() throws {
    let (body, certID, now) = try vector()
    let head = CertID.head(certID.hashAlgorithm, nameHash: certID.issuerNameHash, keyHash: certID.issuerKeyHash)
    let other = try LoadWorld.serial(octets: certID.serial.count)
    for index in body.indices {
      for change in [0x01, 0x80, 0xFF, 0x20] as [UInt8] {
        var damaged = body
        damaged[index] ^= change
        let check = AnswerCheck(damaged.span, now: now)
        let statement = check.statement(head: head.span, serial: certID.serial, nonce: nil)
        if statement == .good || statement == .revoked || statement == .unknown {
          let read = try? ReceivedResponse(damaged).basic?.responses.first { (try? $0.certID()) == certID }
          #expect(read.map { matches(statement, $0.status) } == true, "octet \(index) with \(change)")
        }
        // About another serial it is never fine, whatever else is wrong.
        let wrong = check.statement(head: head.span, serial: other, nonce: nil)
        #expect(wrong != .good && wrong != .revoked && wrong != .unknown, "octet \(index) with \(change)")
      }
    }
  }

  private func matches(_ statement: AnswerCheck.Statement, _ status: CertificateStatus) -> Bool {
    switch (statement, status) {
    case (.good, .good), (.revoked, .revoked), (.unknown, .unknown): true
    default: false
    }
  }
}
