import CalendarTime
import Foundation
import TestSupport
import Testing

@testable import HTTP1

@Suite("Request head")
struct RequestParserTests {
  private func parse(_ text: String, limits: RequestParser.Limits = .init()) throws -> RequestParser.Result? {
    try RequestParser.parse(Array(text.utf8).span, limits: limits)
  }

  private func error(_ text: String) -> HTTPError? {
    do {
      _ = try parse(text)
      return nil
    } catch {
      return error as? HTTPError
    }
  }

  private func target(_ text: String) throws -> String {
    let head = try #require(try parse(text)).head
    return String(decoding: Array(text.utf8)[head.target], as: UTF8.self)
  }

  @Test("the commonest requests")
  func common() throws {
    let get = try #require(try parse("GET /MFEw HTTP/1.1\r\nHost: ocsp.example\r\n\r\n"))
    #expect(get.head.method == .get && get.head.minorVersion == 1 && get.head.keepsAlive)
    #expect(get.head.framing == .none && get.count == 42)
    let post = try #require(
      try parse("POST / HTTP/1.0\r\nContent-Type: application/ocsp-request\r\nContent-Length: 83\r\n\r\nxx"))
    #expect(post.head.method == .post && post.head.minorVersion == 0 && !post.head.keepsAlive)
    #expect(post.head.framing == .length(83))
    #expect(try #require(try parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")).head.keepsAlive)
    #expect(try !#require(try parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, close\r\n\r\n")).head.keepsAlive)
  }

  @Test("every split point asks for more, and the whole parses the same")
  func splits() throws {
    let text = "POST //a//b?q=1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nIf-None-Match: \"x\"\r\n\r\n"
    let octets = Array(text.utf8)
    for count in 0..<octets.count {
      #expect(try RequestParser.parse(Array(octets[..<count]).span, limits: .init()) == nil)
    }
    #expect(try #require(try parse(text)).count == octets.count)
  }

  @Test("targets are left as they are; absolute ones lose scheme and authority")
  func targets() throws {
    #expect(try target("GET //a//b/%2F?x=1 HTTP/1.1\r\nHost: a\r\n\r\n") == "//a//b/%2F?x=1")
    #expect(try target("GET http://ocsp.example:80//MFE HTTP/1.1\r\nHost: a\r\n\r\n") == "//MFE")
    #expect(try target("GET HTTPS://ocsp.example HTTP/1.1\r\nHost: a\r\n\r\n") == "")
    #expect(try target("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == "*")
    #expect(error("GET * HTTP/1.1\r\nHost: a\r\n\r\n") == .badRequest(.target))
    #expect(error("GET MFE HTTP/1.1\r\nHost: a\r\n\r\n") == .badRequest(.target))
  }

  @Test("all 256 octets in a target: visible ASCII is taken, all else refused")
  func targetOctets() {
    for octet in UInt8.min...UInt8.max {
      let octets = Array("GET /a".utf8) + [octet] + Array("b HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      let isTaken = (try? RequestParser.parse(octets.span, limits: .init())) != nil
      #expect(isTaken == (octet > 0x20 && octet < 0x7F), "octet \(octet)")
    }
  }

  @Test("all 256 octets in a header name and in a value")
  func headerOctets() {
    let token = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    for octet in UInt8.min...UInt8.max where octet != 0x0A {
      let name = Array("GET / HTTP/1.1\r\nHost: a\r\nX".utf8) + [octet] + Array("Y: b\r\n\r\n".utf8)
      let isNameTaken = (try? RequestParser.parse(name.span, limits: .init())) != nil
      // A colon ends the name early, which leaves another good line.
      #expect(isNameTaken == (token.contains(octet) || octet == 0x3A), "name octet \(octet)")
      let value = Array("GET / HTTP/1.1\r\nHost: a\r\nX: b".utf8) + [octet] + Array("c\r\n\r\n".utf8)
      let isValueTaken = (try? RequestParser.parse(value.span, limits: .init())) != nil
      #expect(isValueTaken == (octet >= 0x20 || octet == 0x09), "value octet \(octet)")
    }
  }

  @Test(
    "what could smuggle a request is refused (RFC 9112 6.1, 6.3)",
    arguments: [
      "Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: +5",
      "Content-Length: 5, 5", "Content-Length: 0x5", "Content-Length:", "Content-Length: -1",
      "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: ", "Host: b",
      "Content-Length : 5", " folded: x", "X: a\r\n\tfolded", "X: a\rb", "X: a\u{0}b", ": empty",
    ])
  func smuggling(header: String) {
    let found = error("POST / HTTP/1.1\r\nHost: a\r\n\(header)\r\n\r\n")
    #expect(found?.status == 400, "\(header): \(String(describing: found))")
  }

  @Test("each error has its status")
  func statuses() {
    #expect(error("GET / HTTP/2.0\r\n\r\n")?.status == 505)
    #expect(error("GET / HTTP/1.1\r\n\r\n") == .badRequest(.host))
    #expect(error("GET / HTTP/1.1\r\nHost: a b\r\n\r\n") == .badRequest(.host))
    #expect(error("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")?.status == 400)
    #expect(error("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")?.status == 501)
    #expect(error("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n")?.status == 417)
    #expect(error("GET /" + String(repeating: "a", count: 8001) + " HTTP/1.1\r\nHost: a\r\n\r\n")?.status == 414)
    #expect(error("GET /" + String(repeating: "a", count: 9000))?.status == 414)
    #expect(error("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 9000))?.status == 431)
    #expect(error("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 9000) + "\r\n\r\n")?.status == 431)
    #expect(error("FOO BAR\r\n\r\n") == .badRequest(.requestLine))
    #expect(error("GET  / HTTP/1.1\r\nHost: a\r\n\r\n") == .badRequest(.requestLine))
    #expect(error("GET / HTTP/1.1 \r\nHost: a\r\n\r\n") == .badRequest(.requestLine))
  }

  @Test("HTTP/1.0 without a Host, bare line feeds, empty lines before the request and huge lengths are understood")
  func tolerated() throws {
    #expect(try parse("GET / HTTP/1.0\r\n\r\n") != nil)
    #expect(try parse("GET / HTTP/1.1\nHost: a\n\n") != nil)
    #expect(try parse("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") != nil)
    let huge = try parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999999\r\n\r\n")
    guard case .length(let length)? = huge?.head.framing else {
      Issue.record("the length was lost")
      return
    }
    #expect(length > 1 << 40)
    #expect(try #require(try parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")).head.expectsContinue == false)
  }

  @Test("a method that HTTP has is known in its own case, and any other is not implemented (RFC 9110 9.1, 15.6.2)")
  func methods() throws {
    let known: [String: RequestMethod] = [
      "GET": .get, "HEAD": .head, "POST": .post, "OPTIONS": .options, "PUT": .other, "DELETE": .other, "TRACE": .other,
      "PATCH": .other, "CONNECT": .other,
    ]
    for (name, method) in known {
      #expect(try #require(try parse("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n")).head.method == method)
      let spellings = [name.lowercased(), name.capitalized, name + "S", String(name.dropLast()), "X" + name]
      for other in spellings { #expect(error("\(other) / HTTP/1.1\r\nHost: a\r\n\r\n") == .unknownMethod, "\(other)") }
      #expect(error("\(name)\u{0}/ HTTP/1.1\r\n\r\n")?.status == 400)
    }
    #expect(try parse("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")?.head.method == .other)
    #expect(error("FOO bar HTTP/1.1\r\n\r\n") == .unknownMethod, "the target of an unknown method means nothing")
    #expect(error("PRI * HTTP/2.0\r\n\r\n") == .unknownVersion)
  }

  @Test("twenty thousand mutations: parsed or refused, never a trap")
  func mutations() {
    var random = SeededGenerator(seed: 8)
    let original = Array(
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: keep-alive\r\nIf-None-Match: \"a\", W/\"b\"\r\n\r\nhello"
        .utf8)
    for _ in 0..<20_000 {
      var octets = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<octets.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: octets[place] = UInt8.random(in: 0...255, using: &random)
        case 1: octets.remove(at: place)
        default: octets.insert(UInt8.random(in: 0...255, using: &random), at: place)
        }
      }
      if let result = try? RequestParser.parse(octets.span, limits: .init()) {
        #expect(result.count <= octets.count && result.head.target.upperBound <= result.count)
      }
    }
  }
}
