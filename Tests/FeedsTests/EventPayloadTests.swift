import CalendarTime
import OCSP
import Responder
import Testing

@testable import Feeds

@Suite("Events as JSON")
struct EventPayloadTests {
  private static let now = UnixTime(seconds: 1_760_000_000)

  private func subject(objects: Bool = false) -> EventSubject {
    .init(name: "one", storeID: StoreIssuerID(1), begins: UnixTime(seconds: 1_600_000_000)) { reason in
      objects && reason == .certificateHold ? "certificateHold is forbidden" : nil
    }
  }

  private func statement(_ json: String, objects: Bool = false) throws(EventPayload.Failure) -> StatusMessage.Statement
  {
    let payload = try EventPayload.read(Array(json.utf8).span)
    return try EventReader(subject: subject(objects: objects), now: Self.now).statement(payload)
  }

  private func failure(_ json: String, objects: Bool = false) -> EventPayload.Failure? {
    do throws(EventPayload.Failure) {
      _ = try statement(json, objects: objects)
      return nil
    } catch {
      return error
    }
  }

  private func event(_ type: String, _ data: String, time: String = "2025-10-09T08:00:00.123456Z") -> String {
    #"{"type":"\#(type)","timestamp":"\#(time)","data":\#(data)}"#
  }

  @Test("a revocation has the event's time and no reason where it says no other")
  func revoked() throws {
    let serial = try #require(SerialNumber(hexadecimal: "0A1B"))
    let time = try #require(UnixTime(iso8601: "2025-10-09T08:00:00Z"))
    #expect(
      try statement(event("certificate.revoked", #"{"issuer":"one","serial":"0a:1B"}"#))
        == .revoked([
          CertificateRecord(serial: serial, notAfter: nil, revocation: Revocation(time: time, reason: nil))
        ]))
    let full = #"""
      {"issuer":"one","certificates":[{"serial":"A1B","revokedAt":"2025-10-08T10:00:00+02:00","reason":"KEYcompromise",
      "notAfter":"2026-01-01T00:00:00Z"}]}
      """#
    #expect(
      try statement(event("certificate.revoked", full))
        == .revoked([
          CertificateRecord(
            serial: serial, notAfter: UnixTime(iso8601: "2026-01-01T00:00:00Z"),
            revocation: Revocation(
              time: try #require(UnixTime(iso8601: "2025-10-08T08:00:00Z")), reason: .keyCompromise))
        ]))
  }

  @Test("what was issued, what is released, and an issuer that is compromised")
  func others() throws {
    let time = try #require(UnixTime(iso8601: "2025-10-09T08:00:00Z"))
    let serial = try #require(SerialNumber(hexadecimal: "01"))
    let end = try #require(UnixTime(iso8601: "2026-01-01T00:00:00Z"))
    #expect(
      try statement(
        event("certificate.issued", #"{"issuer":"one","serial":"1","notAfter":"2026-01-01T00:00:00Z"}"#))
        == .issued([CertificateRecord(serial: serial, notAfter: end)]))
    #expect(
      try statement(event("certificate.released", #"{"issuer":"one","serial":"1"}"#)) == .released([serial], at: time))
    #expect(
      try statement(event("issuer.compromised", #"{"issuer":"one","since":"2025-10-01T00:00:00Z"}"#))
        == .issuerCompromised(since: try #require(UnixTime(iso8601: "2025-10-01T00:00:00Z"))))
  }

  @Test("a CloudEvent says the same in its own names")
  func cloudEvent() throws {
    let json = #"""
      {"specversion":"1.0","id":"1","source":"/ca","type":"certificate.released","time":"2025-10-09T08:00:00Z",
      "datacontenttype":"application/json","data":{"issuer":"one","serial":"1"}}
      """#
    #expect(
      try statement(json)
        == .released(
          [try #require(SerialNumber(hexadecimal: "01"))], at: try #require(UnixTime(iso8601: "2025-10-09T08:00:00Z"))))
    #expect(failure(json.replacing("\"1.0\"", with: "\"0.3\""))?.field == "specversion")
    #expect(failure(json.replacing("\"time\"", with: "\"timestamp\""))?.field == "time")
  }

  @Test(
    "what is wrong is told with its place",
    arguments: [
      ("", ""), ("{", ""), ("[]", ""), (#"{"type":"certificate.revoked"}"#, "timestamp"),
      (#"{"type":"x","timestamp":"2025-10-09T08:00:00Z","data":{}}"#, "type"),
      (#"{"type":1,"timestamp":"2025-10-09T08:00:00Z","data":{}}"#, "type"),
      (#"{"type":"certificate.revoked","timestamp":"yesterday","data":{}}"#, "timestamp"),
      (#"{"type":"certificate.revoked","timestamp":"2025-10-09T08:00:00Z"}"#, "data"),
      (#"{"type":"certificate.revoked","timestamp":"2025-10-09T08:00:00Z","data":[]}"#, "data"),
    ])
  func malformed(json: String, field: String) throws {
    #expect(failure(json)?.field == field, "\(json)")
  }

  @Test(
    "what is wrong with a certificate is told with its place",
    arguments: [
      (#"{"serial":"1"}"#, "data.issuer"), (#"{"issuer":"one"}"#, "data.serial"),
      (#"{"issuer":"one","serial":"xyz"}"#, "data.serial"), (#"{"issuer":"one","serial":17}"#, "data.serial"),
      (#"{"issuer":"one","serial":"1","reasonn":"keyCompromise"}"#, "data.reasonn"),
      (#"{"issuer":"one","serial":"1","reason":"boredom"}"#, "data.reason"),
      (#"{"issuer":"one","serial":"1","reason":"removeFromCRL"}"#, "data.reason"),
      (#"{"issuer":"one","serial":"1","revokedAt":"2099-01-01T00:00:00Z"}"#, "data.revokedAt"),
      (#"{"issuer":"one","serial":"1","revokedAt":"1999-01-01T00:00:00Z"}"#, "data.revokedAt"),
      (#"{"issuer":"one","certificates":[]}"#, "data.certificates"),
      (#"{"issuer":"one","certificates":[{"serial":"1"},{"serial":"-"}]}"#, "data.certificates[1].serial"),
      (#"{"issuer":"one","certificates":[{"serial":"1","x":1}]}"#, "data.certificates[0].x"),
      (#"{"issuer":"one","certificates":[{"serial":"1"}],"serial":"1"}"#, "data.serial"),
    ])
  func certificates(data: String, field: String) throws {
    let failure = failure(event("certificate.revoked", data))
    #expect(failure?.field == field, "\(data): \(String(describing: failure))")
  }

  @Test("an event without a time of its own counts as revoked when it happened, which is not in the future")
  func future() {
    let failure = failure(
      event("certificate.revoked", #"{"issuer":"one","serial":"1"}"#, time: "2099-01-01T00:00:00Z"))
    #expect(failure?.field == "timestamp")
  }

  @Test("what the issuer's programme forbids is refused")
  func forbidden() throws {
    let json = event("certificate.revoked", #"{"issuer":"one","serial":"1","reason":"certificateHold"}"#)
    _ = try statement(json)
    #expect(failure(json, objects: true)?.why == "certificateHold is forbidden")
  }

  @Test("what is nested too deeply, or no UTF-8, is told so before anything else reads it")
  func shapes() {
    for opening in ["[", #"{"a":"#, #"{"type":["#] {
      for depth in [17, 511, 512, 513, 514, 100_000] {
        let found = failure(String(repeating: opening, count: depth))
        #expect(found?.why.hasPrefix("nested deeper than 16") == true, "\(opening) \(depth)")
      }
    }
    #expect(failure(String(repeating: "[", count: 16))?.why.hasPrefix("nested") == false)
    // Brackets in a text are none.
    #expect(failure(#"{"type":"\"[[[[[[[[[[[[[[[[[[[[[["}"#)?.field == "type")
    #expect(failure("\u{FEFF}{}")?.why.contains("UTF-8") == true)
    let wide: [UInt8] = "[{}]".utf8.reduce(into: []) { $0 += [$1, 0] }
    #expect(throws: EventPayload.Failure.self) { try EventPayload.read(wide.span) }
  }

  @Test("certificates have a bound")
  func bound() throws {
    let one = #"{"serial":"1"}"#
    func list(_ count: Int) -> String {
      event(
        "certificate.issued",
        #"{"issuer":"one","certificates":[\#(repeatElement(one, count: count).joined(separator: ","))]}"#)
    }
    #expect(failure(list(EventPayload.maximumCertificates)) == nil)
    #expect(failure(list(EventPayload.maximumCertificates + 1))?.field == "data.certificates")
  }

  @Test(
    "times have a zone, and a fraction at most",
    arguments: [
      ("2025-10-09T08:00:00Z", 0), ("2025-10-09T08:00:00.9Z", 0), ("2025-10-09t08:00:00z", 0),
      ("2025-10-09T10:00:00.000000001+02:00", 0), ("2025-10-09T07:30:00-00:30", 0), ("2025-10-09T08:00:00", nil),
      ("2025-10-09", nil), ("2025-10-09T08:00:00.Z", nil), ("2025-10-09T08:00:00.0000000001Z", nil),
      ("2025-10-09T08:00:00+2:00", nil), ("2025-10-09T08:00:00++1:00", nil), ("2025-10-09T08:00:00+24:00", nil),
      ("0000-01-01T00:00:00+23:59", nil), ("9999-12-31T23:59:59-00:01", nil), ("1949-12-31T23:59:59Z", nil),
      ("2025-13-09T08:00:00Z", nil), ("", nil), ("Z", nil),
    ] as [(String, Int64?)])
  func times(text: String, offset: Int64?) throws {
    let expected = try #require(UnixTime(iso8601: "2025-10-09T08:00:00Z"))
    #expect(EventTime.parse(text) == offset.map { expected.advanced(bySeconds: $0) }, "\(text)")
  }
}
