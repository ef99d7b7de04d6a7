import CalendarTime
import HTTP1
import OCSP
import OpenSSLCrypto
import Testing

@testable import LoadGenerator

@Suite("An event that revokes")
struct RevocationEventTests {
  @Test("is JSON with the issuer's name escaped, signed over identifier, time and body")
  func request() throws {
    let serial = try #require(SerialNumber(hexadecimal: "0A1B"))
    let event = RevocationEvent(
      issuerName: "a \"b\" \\ \n", serial: serial, identifier: "load_1", time: UnixTime(seconds: 1_767_225_600))
    let body =
      #"{"type":"certificate.revoked","timestamp":"2026-01-01T00:00:00Z","data":{"issuer":"a \"b\" \\ \u000a","#
      + #""serial":"0A1B","reason":"superseded"}}"#
    #expect(event.body == body)
    let key = [UInt8](0..<32)
    let request = String(
      decoding: try event.request(to: try LoadTarget("http://a:8090/v1/events"), key: key), as: UTF8.self)
    let code = try MessageAuthentication.hmacSHA256(key: key, Array("load_1.1767225600.\(body)".utf8))
    let signature = String(decoding: Base64.encode(code), as: UTF8.self)
    #expect(request.hasPrefix("POST /v1/events HTTP/1.1\r\nHost: a:8090\r\n"))
    #expect(request.contains("\r\nwebhook-signature: v1,\(signature)\r\n"))
    #expect(request.contains("\r\nContent-Length: \(body.utf8.count)\r\n"))
    #expect(request.hasSuffix("\r\n\r\n\(body)"))
  }
}
