import TestSupport
import Testing

@testable import HTTP1

/// The quick ways through a head against the plain ones.
@Suite("Request lines and names, the quick way and the plain one")
struct PlainRequestLineTests {
  private let limits = RequestParser.Limits(headBytes: 512, targetBytes: 60)

  /// What the plain way makes of the first line; nil where it refuses.
  private func plain(_ octets: [UInt8]) -> (head: RequestHead, end: Int)? {
    guard let lineFeed = octets.firstIndex(of: 0x0A) else { return nil }
    let end = lineFeed > 0 && octets[lineFeed - 1] == 0x0D ? lineFeed - 1 : lineFeed
    guard octets[..<end].allSatisfy({ $0 >= 0x20 || $0 == 0x09 }),
      let head = try? RequestLine.parse(octets.span, 0..<end, limits: limits)
    else { return nil }
    return (head, lineFeed + 1)
  }

  private func expectSame(_ octets: [UInt8]) {
    guard let quick = RequestLine.plain(octets.span, limits: limits) else { return }
    let wanted = plain(octets)
    #expect(quick.end == wanted?.end && quick.head.method == wanted?.head.method, "\(octets)")
    #expect(quick.head.target == wanted?.head.target && quick.head.minorVersion == wanted?.head.minorVersion)
    #expect(quick.head.keepsAlive == wanted?.head.keepsAlive)
  }

  @Test("what is recognised is what the plain way makes of it, whichever octet is another")
  func everyOctet() {
    for text in ["GET /MFEw HTTP/1.1\r\n\r\n", "POST / HTTP/1.0\r\nHost: a\r\n\r\n", "GET /a?b HTTP/1.1\r\n\r\n"] {
      let octets = Array(text.utf8)
      #expect(RequestLine.plain(octets.span, limits: limits) != nil)
      for place in octets.indices {
        for octet in UInt8.min...UInt8.max {
          var other = octets
          other[place] = octet
          expectSame(other)
        }
        expectSame(Array(octets[..<place]))
      }
    }
  }

  @Test("a target of just the limit is taken, one octet more is not")
  func longTargets() {
    for count in 1...70 {
      let octets = Array("GET /\(String(repeating: "a", count: count - 1)) HTTP/1.1\r\n\r\n".utf8)
      #expect((RequestLine.plain(octets.span, limits: limits) != nil) == (count <= 60))
      expectSame(octets)
    }
  }

  @Test("names of fields are told apart like letter by letter")
  func names() {
    let names: [StaticString] = [
      "host", "expect", "connection", "if-none-match", "content-length", "transfer-encoding", "if-modified-since",
    ]
    for name in names {
      let text = Array("\(name)".utf8)
      for other in names { #expect(isName(text, other) == ("\(other)" == "\(name)")) }
      for place in text.indices {
        for octet in UInt8.min...UInt8.max where HeaderFields.isTokenCharacter(octet) {
          var changed = text
          changed[place] = octet
          let wanted = HeaderFields.equals(changed.span, 0..<changed.count, lowercased: name)
          #expect(isName(changed, name) == wanted)
        }
      }
      #expect(!isName(text.dropLast(), name))
    }
  }

  private func isName(_ text: [UInt8], _ name: StaticString) -> Bool {
    HeaderFields.isName(text.span, 0..<text.count, name)
  }
}
