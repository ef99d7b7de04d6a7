import HTTP1
import OCSP
import Testing

@testable import LoadGenerator

@Suite("Requests from templates")
struct RequestTests {
  private func text(_ writer: RequestWriter, _ question: Question) -> [UInt8] {
    var buffer = ResponseBuffer(capacity: writer.maximumBytes)
    writer.write(question, to: &buffer)
    let isOverflowed = buffer.isOverflowed
    #expect(!isOverflowed)
    return unsafe buffer.withUnsafeBytes { unsafe Array($0) }
  }

  @Test(
    "are those of the encoder for every hash, length of serial, method, with and without nonce",
    arguments: HashAlgorithm.allCases)
  func templates(hash: HashAlgorithm) throws {
    for length in 1...SerialNumber.maximumOctets {
      let serial = try LoadWorld.serial(octets: length, UInt8(length))
      let writer = try LoadWorld.writer(serials: SerialList([serial]))
      for (isPost, hasNonce) in [(false, false), (false, true), (true, false), (true, true)] {
        let question = Question(number: 77, subject: .listed(0), isPost: isPost, hash: hash, hasNonce: hasNonce)
        let nonce = writer.questioner.nonce(of: question)
        let certID = try #require(try LoadWorld.issuer().certID(hash, serial))
        let expected = OCSPRequest.encoded(certIDs: [certID], nonce: hasNonce ? (0..<32).map { nonce[$0] } : nil)
        #expect(writer.encoded(question) == expected)
        let request = text(writer, question)
        if isPost {
          let head =
            "POST /ocsp HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/ocsp-request\r\n"
            + "Content-Length: \(expected.count)\r\n\r\n"
          #expect(request == Array(head.utf8) + expected)
        } else {
          let target = String(decoding: Base64.encodeForTarget(expected), as: UTF8.self)
          #expect(
            String(decoding: request, as: UTF8.self)
              == "GET /ocsp/\(target) HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
        }
      }
    }
  }

  @Test("are taken by the server's own parser, with connection fields as they are meant")
  func fields() throws {
    let serials = try LoadWorld.serials(1)
    let question = Question(number: 1, subject: .listed(0), isPost: false, hash: .sha1, hasNonce: false)
    func head(_ connection: RequestForm.Connection, _ isHTTP10: Bool) throws -> String {
      var form = RequestForm()
      form.connection = connection
      form.isHTTP10 = isHTTP10
      form.extraHeaders = ["X-Test: yes"]
      let request = text(try LoadWorld.writer(serials: serials, form: form), question)
      #expect(try RequestParser.parse(request.span, limits: .init()) != nil)
      return String(decoding: request, as: UTF8.self)
    }
    #expect(try !head(.keepAlive, false).contains("Connection"))
    #expect(try head(.close, false).contains("Connection: close\r\n"))
    #expect(try head(.keepAlive, true).contains(" HTTP/1.0\r\nHost: 127.0.0.1:8080\r\nConnection: keep-alive\r\n"))
    #expect(try !head(.close, true).contains("Connection"))
    #expect(try head(.pipelined(depth: 4), false).hasSuffix("X-Test: yes\r\n\r\n"))
    var form = RequestForm()
    form.extraHeaders = ["host: ocsp.example"]
    let named = text(try LoadWorld.writer(serials: serials, form: form), question)
    #expect(String(decoding: named, as: UTF8.self).hasSuffix(" HTTP/1.1\r\nhost: ocsp.example\r\n\r\n"))
  }

  @Test("that are damaged are refused by a reader of requests, each kind", arguments: RequestDamage.allCases)
  func damage(_ damage: RequestDamage) throws {
    let writer = try LoadWorld.writer(serials: try LoadWorld.serials(1))
    for (number, hash) in HashAlgorithm.allCases.enumerated() {
      let isPost = damage != .badBase64 && number % 2 == 0
      let question = Question(
        number: UInt64(number), subject: .malformed(damage), isPost: isPost, hash: hash, hasNonce: true)
      let request = text(writer, question)
      let parsed = try #require(try RequestParser.parse(request.span, limits: .init()))
      var body: [UInt8]?
      if isPost {
        body = Array(request[parsed.count...])
      } else {
        let line = String(decoding: request, as: UTF8.self).split(separator: " ")[1].dropFirst("/ocsp/".count)
        var octets = [UInt8](repeating: 0, count: 1024)
        var output = octets.mutableSpan
        let count = Base64.decodeTarget(Array(line.utf8).span, into: &output)
        body = count.map { Array(octets[..<$0]) }
      }
      guard let body else {
        #expect(damage == .badBase64)
        continue
      }
      #expect(damage != .badBase64)
      #expect(throws: OCSPRequestError.self) { try OCSPRequest(body.span) }
    }
  }

  @Test("URLs that are no place for a load are refused, and why is said")
  func targets() throws {
    for url in [
      "https://a/", "ftp://a", "http://", "http://:80/", "http://a:0/", "http://a:99999/", "http://a:x/", "http://u@a/",
      "http://a/?q", "http://a/#f", "http://[::1/", "http://::1/", "http://a/b c", "http://a]/",
    ] {
      #expect(throws: LoadTarget.Failure.self, "\(url)") { try LoadTarget(url) }
    }
    let plain = try LoadTarget("http://[::1]:8080")
    #expect((plain.host, plain.port, plain.authority, plain.path) == ("::1", 8080, "[::1]:8080", "/"))
    let named = try LoadTarget("HTTP://ocsp.example/a/b/")
    #expect(
      (named.host, named.port, named.authority, named.pathForGet) == ("ocsp.example", 80, "ocsp.example", "/a/b/"))
    #expect(try LoadTarget("http://127.0.0.1:1").resolved().count == 1)
  }
}
