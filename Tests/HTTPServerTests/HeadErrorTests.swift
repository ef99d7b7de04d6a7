import EventLoop
import Foundation
import HTTPServer
import Testing

/// RFC 9110 9.3.2: an answer to HEAD has no body, whoever gives it.
@Suite("HTTP server: errors in answer to HEAD")
struct HeadErrorTests {
  /// The status of a request that begins with `HEAD`; nil unless its answer has the head that a GET's has, and no body.
  private func status(of request: String, at bound: ListenAddress, after lead: String = "") throws -> Int? {
    let answers = try ["HEAD", "GET"].map { method in
      let client = try TestClient(bound)
      client.send(lead + method + request.dropFirst(4))
      return client.readToEnd().components(separatedBy: "\r\n\r\n")
    }
    let (head, get) = (answers[0], answers[1])
    // The clock may go on between the two.
    let fields = [head, get].map { $0[0].components(separatedBy: "\r\n").filter { !$0.hasPrefix("Date: ") } }
    guard head.count == 2, get.count == 2, fields[0] == fields[1], head[1] == "", get[1] != "",
      get[0].contains("Content-Length: \(get[1].utf8.count)\r\n")
    else { return nil }
    return Int(head[0].split(separator: " ")[1])
  }

  @Test(
    "an error that the server itself answers has the head that GET gets, and no body",
    arguments: [
      ("HEAD / HTTP/1.1\r\n\r\n", 400), ("HEAD / HTTP/1.1\r\nHost: a\r\nX y\r\n\r\n", 400),
      ("HEAD / HTTP/3.0\r\n\r\n", 505), ("HEAD / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
      ("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
      ("HEAD /\(String(repeating: "a", count: 10_000)) HTTP/1.1\r\n\r\n", 414),
      ("HEAD / HTTP/1.1\r\nX: \(String(repeating: "a", count: 10_000))\r\n\r\n", 431),
      ("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", 413),
      ("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
      ("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
    ])
  func errors(request: String, expected: Int) throws {
    try EchoServer.serve { _, bound, _ in
      for lead in ["", "\r\n", "\n"] {
        let found = try status(of: request, at: bound, after: lead)
        #expect(found == expected)
      }
    }
  }

  @Test("a HEAD behind another request, and a GET behind a HEAD, are told apart")
  func pipelined() throws {
    try EchoServer.serve { _, bound, _ in
      let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
      let first = try TestClient(bound)
      first.send(get + "HEAD / HTTP/1.1\r\n\r\n")
      #expect(first.readAnswer()?.body == "get /a ")
      #expect(first.readToEnd().hasSuffix("\r\n\r\n"))
      let second = try TestClient(bound)
      second.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n")
      #expect(second.readToEnd().hasSuffix("\r\n\r\nHTTP/1.1 needs exactly one valid Host header\n"))
    }
  }

  @Test(
    "a HEAD whose rest does not come is told so without a body",
    arguments: [
      "HEAD / HT", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
      "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ])
  func timeout(request: String) throws {
    var limits = ServerLimits()
    limits.headMilliseconds = 100
    limits.bodyMilliseconds = 100
    try EchoServer.serve(limits: limits) { _, bound, _ in
      let found = try status(of: request, at: bound)
      #expect(found == 408)
    }
  }

  @Test("over the bound on connections too, where the request is there already")
  func connectionBound() throws {
    var limits = ServerLimits()
    limits.connections = 1
    try EchoServer.serve(limits: limits) { _, bound, state in
      let first = try TestClient(bound)
      first.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
      // The worker is held until the other's request has come.
      #expect(state.blocked.wait(for: 1, milliseconds: 20_000))
      let refused = try TestClient(bound)
      refused.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
      state.unblocked.raise(to: 1)
      let answer = refused.readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.hasSuffix("\r\n\r\n"))
    }
  }
}
