import CalendarTime
import OCSP
import Testing

/// RFC 9919 Appendix B: the request and the response, reproduced from their values.
@Suite("RFC 9919 Appendix B")
struct RFC9919Tests {
  private func octets(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap { $0.hexDigitValue }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  private var certID: CertID {
    get throws {
      CertID(
        hashAlgorithm: .sha256,
        issuerNameHash: try #require(
          Digest(octets("3A994677568073A707BFDE50186345E4CD6134DB085EBAA1D10425F03B6F08EA"))),
        issuerKeyHash: try #require(Digest(octets("474A6CA301F23DC9F7F7078704E1C7F5FC96E71675F6ED882E7AB65C3F584543"))),
        serial: try #require(SerialNumber(hexadecimal: "01AAF00D")))
    }
  }

  private func time(_ text: String) throws -> UnixTime { try #require(UnixTime(iso8601: text)) }

  @Test("the request is read, and written again byte for byte")
  func request() throws {
    let der = try Vector.octets("b4_request.der")
    let request = try OCSPRequest(der.span)
    #expect(request.questionCount == 1)
    #expect(request.first.certID == (try certID))
    #expect(request.nonce == nil && !request.isSigned)
    #expect(OCSPRequest.encoded(certIDs: [try certID]) == der)
  }

  @Test("tbsResponseData is reproduced byte for byte from its values")
  func responseData() throws {
    let received = try #require(try ReceivedResponse(Vector.octets("b5_response.der")).basic)
    let data = ResponseData(
      responderID: .byKey(octets("0AE3A0FE9DD4257698B5EB72EBCA0CE7BF3DF5F1")),
      producedAt: try time("2024-04-02T12:37:47Z"),
      responses: [
        SingleResponse(
          encodedCertID: try certID.encoded(), status: .good, thisUpdate: try time("2024-04-03T12:37:47Z"),
          nextUpdate: try time("2024-04-10T12:37:47Z"))
      ], nonce: nil, isExtendedRevoke: false)
    #expect(data.encoded() == received.tbsResponseData)
  }

  @Test("the whole response is put together again byte for byte from its parts")
  func wholeResponse() throws {
    let der = try Vector.octets("b5_response.der")
    let received = try #require(try ReceivedResponse(der).basic)
    let again = BasicOCSPResponse.encoded(
      tbsResponseData: received.tbsResponseData, signatureAlgorithm: received.signatureAlgorithm,
      signature: received.signature, certificates: received.certificates)
    #expect(again == der)
    #expect(
      Array(again.suffix(from: again.count - BasicOCSPResponse.certificatesSuffix(received.certificates).count))
        == BasicOCSPResponse.certificatesSuffix(received.certificates))
  }

  @Test("every truncation of request and response is refused")
  func truncations() throws {
    let request = try Vector.octets("b4_request.der")
    for count in 0..<request.count {
      #expect(throws: OCSPRequestError.self) { try OCSPRequest(Array(request[..<count]).span) }
    }
    let response = try Vector.octets("b5_response.der")
    for count in 0..<response.count {
      #expect(throws: (any Error).self) { try ReceivedResponse(Array(response[..<count])) }
    }
  }
}
