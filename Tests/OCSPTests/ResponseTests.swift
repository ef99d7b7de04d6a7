import CalendarTime
import OCSP
import Testing

@Suite("OCSP response")
struct ResponseTests {
  private let time = UnixTime(seconds: 1_750_000_000)

  private func single(_ status: CertificateStatus, extensions: [UInt8] = []) throws -> SingleResponse {
    let digest = try #require(Digest([UInt8](repeating: 3, count: 20)))
    let certID = CertID(
      hashAlgorithm: .sha1, issuerNameHash: digest, issuerKeyHash: digest,
      serial: try #require(SerialNumber(hexadecimal: "7F")))
    return SingleResponse(
      encodedCertID: certID.encoded(), status: status, thisUpdate: time, nextUpdate: time.advanced(bySeconds: 60),
      singleExtensions: extensions)
  }

  @Test("every status with every reason is read as it was written; unspecified is left out")
  func statuses() throws {
    var statuses: [CertificateStatus] = [.good, .unknown, .revoked(Revocation(time: time, reason: nil))]
    statuses += RevocationReason.allCases.map { .revoked(Revocation(time: time, reason: $0)) }
    let data = ResponseData(
      responderID: .byName([0x30, 0x00]), producedAt: time, responses: try statuses.map { try single($0) },
      nonce: [4, 1, 9], isExtendedRevoke: true)
    let octets = BasicOCSPResponse.encoded(
      tbsResponseData: data.encoded(), signatureAlgorithm: [0x30, 0x00], signature: [1, 2],
      certificates: [[0x30, 0x01, 0xAA]])
    let received = try #require(try ReceivedResponse(octets).basic)
    let expected = statuses.map { status in
      if case .revoked(let revocation) = status, revocation.reason == .unspecified {
        return CertificateStatus.revoked(Revocation(time: time, reason: nil))
      }
      return status
    }
    #expect(received.responses.map(\.status) == expected)
    #expect(received.responderID == .byName([0x30, 0x00]))
    #expect(received.nonce == [4, 1, 9])
    #expect(received.extensions.map(\.identifier) == [ObjectIdentifier.nonce, ObjectIdentifier.extendedRevoke])
    #expect(received.certificates == [[0x30, 0x01, 0xAA]])
    #expect(received.signature == [1, 2])
  }

  @Test("single extensions stand in their place")
  func singleExtensions() throws {
    let cutoff = SingleExtension.archiveCutoff(time)
    let response = try single(.good, extensions: cutoff)
    let data = ResponseData(
      responderID: .byKey([1]), producedAt: time, responses: [response], nonce: nil, isExtendedRevoke: false)
    let octets = BasicOCSPResponse.encoded(
      tbsResponseData: data.encoded(), signatureAlgorithm: [0x30, 0x00], signature: [], certificates: [])
    let received = try #require(try ReceivedResponse(octets).basic)
    #expect(received.responses == [response])
    #expect(
      try OCSPExtension.list(received.responses[0].singleExtensions).map(\.identifier) == [
        ObjectIdentifier.archiveCutoff
      ])
  }

  @Test("the error answers are five octets and carry nothing (RFC 6960 4.2.1)")
  func errors() throws {
    for status in OCSPResponseStatus.allCases where status != .successful {
      let received = try ReceivedResponse([0x30, 0x03, 0x0A, 0x01, status.rawValue])
      #expect(received.status == status && received.basic == nil)
    }
    #expect(throws: (any Error).self) { try ReceivedResponse([0x30, 0x03, 0x0A, 0x01, 0x00]) }
    #expect(throws: (any Error).self) { try ReceivedResponse([0x30, 0x03, 0x0A, 0x01, 0x04]) }
  }

  @Test("9999-12-31T23:59:59Z can be written (EN 319 411-2)")
  func endOfTime() throws {
    var response = try single(.good)
    response.nextUpdate = .endOfTime
    let data = ResponseData(
      responderID: .byKey([1]), producedAt: time, responses: [response], nonce: nil, isExtendedRevoke: false)
    #expect(String(decoding: data.encoded(), as: UTF8.self).contains("99991231235959Z"))
  }
}
