import CalendarTime
import OpenSSLCrypto
import Responder
import Testing

@testable import Feeds

@Suite("Signatures of webhooks")
struct WebhookSignatureTests {
  // Signed by the reference implementation of the Standard Webhooks specification in Python.
  private static let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
  private static let attributes = WebhookSenders.Attributes(
    id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", timestamp: "1649367553",
    signatures: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=")
  private static let body = #"{"email":"test@example.com","username":"test_user"}"#

  private func senders(_ secrets: [String], issuer: String = "one") throws -> WebhookSenders {
    var senders = WebhookSenders()
    senders.add(subject(issuer), try secrets.map { try WebhookSecret($0) })
    return senders
  }

  private func secret(_ fill: UInt8) -> String { "whsec_" + Base64.text([UInt8](repeating: fill, count: 32)) }

  private func subject(_ name: String) -> EventSubject {
    .init(name: name, storeID: StoreIssuerID(1), begins: UnixTime(seconds: 0)) { _ in nil }
  }

  private func signature(_ secret: String, _ content: String) throws -> String {
    let code = try MessageAuthentication.hmacSHA256(key: try WebhookSecret(secret).key, Array(content.utf8))
    return "v1," + Base64.text(code)
  }

  @Test("what the reference implementation has signed is genuine, and nothing near it")
  func example() throws {
    let senders = try senders([Self.secret])
    let attributes = Self.attributes
    let body = Array(Self.body.utf8)
    #expect(try senders.issuers(attributes, body: body.span) == ["one"])
    for place in body.indices {
      for bit in 0..<8 {
        var changed = body
        changed[place] ^= 1 << bit
        #expect(try senders.issuers(attributes, body: changed.span) == nil)
      }
    }
    var other = attributes
    other.id += "x"
    #expect(try senders.issuers(other, body: body.span) == nil)
    other = attributes
    other.timestamp = "1649367554"
    #expect(try senders.issuers(other, body: body.span) == nil)
    #expect(
      try self.senders(["whsec_" + Base64.text([UInt8](repeating: 7, count: 24))])
        .issuers(attributes, body: body.span) == nil)
  }

  @Test("while secrets change, either of the old and the new one is taken")
  func rotation() throws {
    let (old, new) = (secret(1), secret(2))
    let content = "id.1.{}"
    let attributes = WebhookSenders.Attributes(
      id: "id", timestamp: "1",
      signatures: "v1a,AAAA v1,nonsense \(try signature(old, content)) \(try signature(new, content))")
    for known in [[old], [new], [old, new]] {
      #expect(try senders(known).issuers(attributes, body: Array("{}".utf8).span) == ["one"])
    }
  }

  @Test("whoever knows the secret of one issuer does not speak for another")
  func bound() throws {
    let (first, second) = (secret(1), secret(2))
    var senders = try senders([first], issuer: "one")
    senders.add(subject("two"), [try WebhookSecret(second)])
    senders.add(subject("three"), [try WebhookSecret(first)])
    let attributes = WebhookSenders.Attributes(
      id: "id", timestamp: "1", signatures: try signature(first, "id.1.{}"))
    #expect(try senders.issuers(attributes, body: Array("{}".utf8).span) == ["one", "three"])
  }

  @Test("a file of secrets is read line by line, and what is none is told with its line")
  func files() throws {
    let good = "whsec_" + Base64.text([UInt8](repeating: 9, count: 32))
    let read = try WebhookSecret.read(Array("# the present one\n\(good)\r\n\n  \(good)\n".utf8))
    #expect(read.map(\.key) == [[UInt8](repeating: 9, count: 32), [UInt8](repeating: 9, count: 32)])
    func failure(_ text: String) -> String? {
      do throws(WebhookSecret.Failure) {
        _ = try WebhookSecret.read(Array(text.utf8))
        return nil
      } catch {
        return error.description
      }
    }
    #expect(failure("\(good)\nwhsec_%%%%\n")?.hasPrefix("line 2: this is no secret") == true)
    #expect(failure(Base64.text([UInt8](repeating: 9, count: 32)))?.contains("\"whsec_\" and base64") == true)
    #expect(failure("whsec_" + Base64.text([1, 2, 3]))?.contains("a secret of 3 octets; 24 to 64") == true)
    #expect(failure("# nothing\n")?.hasPrefix("0 secrets") == true)
    #expect(failure(String(repeating: good + "\n", count: 9))?.hasPrefix("9 secrets") == true)
  }

  @Test("base64 is read as it is written, and in no other way")
  func base64() throws {
    var generator = SystemRandomNumberGenerator()
    for count in 1...70 {
      let octets = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      #expect(Base64Text.decode(Base64.text(octets)) == octets)
    }
    for text in ["", "A", "AAA", "AAA=AAAA", "A===", "====", "AA-_", "AAAA\n", "AB==", "AAB=", "=AAA"] {
      #expect(Base64Text.decode(text) == nil, "\(text)")
    }
  }
}

/// Base64, written digit by digit: another way than the one that is tested.
enum Base64 {
  static func text(_ octets: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    let bits = octets.flatMap { octet in (0..<8).map { octet >> (7 - $0) & 1 } }
    var text = ""
    for start in stride(from: 0, to: bits.count, by: 6) {
      let group =
        bits[start..<min(start + 6, bits.count)] + [UInt8](repeating: 0, count: max(0, start + 6 - bits.count))
      text.append(digits[group.reduce(0) { $0 << 1 | Int($1) }])
    }
    while text.count % 4 != 0 { text += "=" }
    return text
  }
}
