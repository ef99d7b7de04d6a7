import CalendarTime
import Testing

@testable import Purge

/// The signatures are those that Akamai's own Python module (edgegrid-python 2.0.9) makes of the same requests.
struct EdgeGridTests {
  private let credentials = EdgeGrid.Credentials(
    host: "akab-host.luna.akamaiapis.net", clientToken: "akab-client-aaa", clientSecret: "c2VjcmV0LXNlY3JldA==",
    accessToken: "akab-access-bbb")
  private let time = UnixTime(seconds: 1_795_973_807)

  private func signature(_ target: String, _ body: [UInt8]) throws -> String {
    let field = try EdgeGrid.authorization(
      credentials, method: "POST", scheme: "https", host: credentials.host, target: target, body: body, time: time,
      nonce: "0123456789abcdef")
    let start = "EG1-HMAC-SHA256 client_token=akab-client-aaa;access_token=akab-access-bbb;"
    #expect(field.hasPrefix(start + "timestamp=20261129T17:36:47+0000;nonce=0123456789abcdef;signature="))
    return String(field.split(separator: "signature=").last ?? "")
  }

  @Test func purge() throws {
    let body = Array(#"{"objects":["http://ocsp.example.com/MFEw"]}"#.utf8)
    #expect(
      try signature("/ccu/v3/delete/url/production", body) == "dKSCSCW1b6TMWlhUnu37GQVELOHyXqNS7xKM5KgNtV8=")
  }

  @Test("of a long body the first 131072 octets are signed")
  func longBody() throws {
    let body = [UInt8](repeating: UInt8(ascii: "a"), count: 140_000)
    #expect(try signature("/x?y=1", body) == "/NWLuReVUQLSajltNEKQUXL1O8/HB8z1Vlx/+eDV7X4=")
  }

  @Test("each request has a nonce of its own")
  func nonces() throws {
    #expect(try EdgeGrid.newNonce() != EdgeGrid.newNonce())
  }

  @Test("an .edgerc, with sections or without", arguments: ["", "[default]\n", "[other]\nhost=x\n[ccu]\n"])
  func edgerc(_ head: String) throws {
    let text =
      head + """
        # a comment
        client_secret = abc=
        host = akab-1.luna.akamaiapis.net/
        access_token = akab-2\r
        client_token = akab-3
        """
    let read = try EdgeGrid.credentials(text)
    #expect(
      read
        == EdgeGrid.Credentials(
          host: "akab-1.luna.akamaiapis.net", clientToken: "akab-3", clientSecret: "abc=", accessToken: "akab-2"))
  }

  @Test(
    "a host that is none is refused, and ends nothing",
    arguments: [
      "/", "a b", "h\u{E4}st.example", "akab.example ; production", "http://a", "[::1", "u:p@h", "a/b",
    ])
  func host(_ host: String) {
    do {
      _ = try EdgeGrid.credentials("client_token = a\nclient_secret = b\naccess_token = c\nhost = \(host)")
      Issue.record("'\(host)' is taken for a host")
    } catch {
      #expect("\(error)".contains("'host'"))
    }
  }

  @Test("what is missing is named")
  func missing() {
    #expect(throws: EdgeGrid.Malformed.self) {
      try EdgeGrid.credentials("host = a\nclient_token = b\naccess_token = c")
    }
    #expect(throws: EdgeGrid.Malformed.self) { try EdgeGrid.credentials("what is this") }
    do {
      _ = try EdgeGrid.credentials("[default]\nhost = a")
    } catch {
      #expect("\(error)".contains("'client_token' is missing"))
    }
  }
}
