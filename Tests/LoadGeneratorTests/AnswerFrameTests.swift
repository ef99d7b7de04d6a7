import Testing

@testable import LoadGenerator

@Suite("HTTP answers")
struct AnswerFrameTests {
  private func next(_ octets: [UInt8], isAtEnd: Bool = false) -> (AnswerFrame.Progress, [UInt8]) {
    var decoded: [UInt8] = []
    let progress = AnswerFrame.next(octets.span, isAtEnd: isAtEnd, decoded: &decoded)
    guard case .whole(_, let body, let isDecoded, _) = progress else { return (progress, []) }
    return (progress, isDecoded ? decoded : Array(octets[body]))
  }

  private func next(_ text: String, isAtEnd: Bool = false) -> (AnswerFrame.Progress, [UInt8]) {
    next(Array(text.utf8), isAtEnd: isAtEnd)
  }

  /// Head, body and count of a whole answer.
  private func whole(_ text: String, isAtEnd: Bool = false) throws -> (head: ResponseHead, body: String, count: Int) {
    let (progress, body) = next(text, isAtEnd: isAtEnd)
    guard case .whole(let head, _, _, let count) = progress else {
      throw NotWhole(progress: "\(progress)")
    }
    return (head, String(decoding: body, as: UTF8.self), count)
  }

  private struct NotWhole: Error {
    var progress: String
  }

  @Test("fields in any order and case are read, others are passed over")
  func fields() throws {
    let text =
      "HTTP/1.1 200\r\nX: 1\r\ncOnTeNt-LeNgTh:  3 \r\nCONTENT-TYPE: Application/OCSP-Response ; x=y\r\n"
      + "Connection: upgrade , Close\r\n\r\nabcrest"
    let answer = try whole(text)
    #expect(answer.body == "abc")
    #expect(answer.count == text.utf8.count - 4)
    #expect(answer.head.isOCSPType)
    #expect(!answer.head.keepsConnection)
  }

  @Test("connections are kept as the version and the fields say")
  func keeping() throws {
    func keeps(_ version: String, _ field: String) throws -> Bool {
      try whole("HTTP/\(version) 200 OK\r\nContent-Length: 0\r\n\(field)\r\n").head.keepsConnection
    }
    #expect(try keeps("1.1", ""))
    #expect(try !keeps("1.1", "Connection: close\r\n"))
    #expect(try !keeps("1.0", ""))
    #expect(try keeps("1.0", "Connection: Keep-Alive\r\n"))
    #expect(try !keeps("1.0", "Connection: keep-alive, close\r\n"))
  }

  @Test("answers that only announce another one are skipped")
  func informational() throws {
    let answer = try whole(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    )
    #expect(answer.body == "ok")
    #expect(answer.head.status == 200)
  }

  @Test("a body without a length ends with the connection, and only then")
  func untilClose() throws {
    let text = "HTTP/1.0 200 OK\n\nbody"
    #expect(next(text).0 == .incomplete(endsWithConnection: true))
    #expect(try whole(text, isAtEnd: true).body == "body")
    #expect(
      next("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody", isAtEnd: true).0
        == .incomplete(endsWithConnection: false))
  }

  @Test("chunks are put together, extensions and trailers passed over")
  func chunked() throws {
    let text =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nWiki\r\n5\r\npedia\r\n0\r\nT: v\r\n\r\nHTTP/1.1"
    let answer = try whole(text)
    #expect(answer.body == "Wikipedia")
    #expect(answer.count == text.utf8.count - 8)
    #expect(next("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n").0 == .wrong(.notHTTP))
  }

  @Test(
    "an answer that comes octet by octet is whole with its last one and not before",
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: application/ocsp-response\r\n\r\n12345",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n3\r\n345\r\n0\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
    ])
  func octetByOctet(text: String) throws {
    let octets = Array(text.utf8)
    for count in 0..<octets.count {
      #expect(next(Array(octets[..<count])).0 == .incomplete(endsWithConnection: false), "after \(count) octets")
    }
    #expect(try whole(text).count == octets.count)
  }

  @Test(
    "what is no HTTP answer is told",
    arguments: [
      ("hello\r\n", ResponseHead.Problem.notHTTP), ("HTTP/2 200\r\n\r\n", .notHTTP), ("HTTP/1.1 20\r\n\r\n", .notHTTP),
      ("HTTP/1.1 2x0 OK\r\n\r\n", .notHTTP), ("HTTP/1.1 200 OK\r\nno field\r\n\r\n", .notHTTP),
      ("HTTP/1.1 099 OK\r\n\r\n", .notHTTP), ("HTTP/1.1 101 Switching\r\n\r\n", .notHTTP),
      ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .contentLength),
      ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .contentLength),
      ("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", .tooLong), ("x", .notHTTP), ("HTTq", .notHTTP),
    ])
  func wrong(text: String, problem: ResponseHead.Problem) {
    #expect(next(text).0 == .wrong(problem))
  }

  @Test("a head or a body without end is given up")
  func bounds() {
    let endless = "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: ResponseHead.maximumBytes)
    #expect(next(endless).0 == .wrong(.tooLong))
    let body = "HTTP/1.0 200 OK\r\n\r\n" + String(repeating: "a", count: AnswerFrame.maximumBytes + 1)
    #expect(next(body).0 == .wrong(.tooLong))
  }
}
