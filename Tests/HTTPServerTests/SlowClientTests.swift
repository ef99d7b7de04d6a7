import EventLoop
import HTTPServer
import Testing

@Suite("HTTP server: slow clients and large answers")
struct SlowClientTests {
  private let get = EchoServer.get

  @Test("clients that are slow with head or body are told so and lose their place")
  func slowSenders() throws {
    var limits = ServerLimits()
    limits.headMilliseconds = 100
    limits.bodyMilliseconds = 100
    try EchoServer.serve(limits: limits) { server, bound, _ in
      for start in ["GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"] {
        let client = try TestClient(bound)
        client.send(start)
        #expect(client.readToEnd().hasPrefix("HTTP/1.1 408 "))
      }
      #expect(server.statistics().timeouts == 2)
    }
  }

  @Test("clients that are idle or do not read lose their place")
  func idleAndSlowReaders() throws {
    var limits = ServerLimits()
    limits.idleMilliseconds = 100
    limits.writeMilliseconds = 100
    try EchoServer.serve(limits: limits) { server, bound, _ in
      let idle = try TestClient(bound)
      #expect(idle.readToEnd() == "")
      #expect(idle.isAtEnd)
      // Asks for far more than the sockets buffer and reads none of it.
      let reader = try TestClient(bound)
      reader.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: 400))
      let patience = MonotonicTime.now().advanced(byMilliseconds: 20_000)
      let quiet = GrowingValue()
      while server.statistics().timeouts < 2, MonotonicTime.now() < patience {
        _ = quiet.wait(for: 1, milliseconds: 10)
      }
      #expect(server.statistics().timeouts == 2)
      #expect(server.statistics().openConnections == 0)
    }
  }

  @Test("a client that reads late gets every octet")
  func largeAnswers() throws {
    try EchoServer.serve { _, bound, _ in
      let client = try TestClient(bound)
      client.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: 300))
      for _ in 0..<300 { #expect(client.readAnswer()?.body.utf8.count == 30_000) }
    }
  }

  @Test(
    "a request that is cut anywhere behind answers that wait for the socket is answered when its rest comes",
    arguments: [
      "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET /y HT",
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nGET /y HT\r\n0\r\n\r\n",
    ])
  func cutBehindWaitingAnswers(request: String) throws {
    let path = EchoServer.socketPath()
    // A Unix socket takes a few hundred kilobytes: the answers wait.
    try EchoServer.serve("unix:\(path)") { _, bound, _ in
      for cut in stride(from: 1, to: request.utf8.count, by: 3) {
        let client = try TestClient(bound)
        let octets = Array(request.utf8)
        client.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: 40))
        client.send(Array(octets[..<cut]))
        for _ in 0..<40 { #expect(client.readAnswer()?.body.utf8.count == 30_000) }
        client.send(Array(octets[cut...]))
        #expect(client.readAnswer()?.body == "post /x GET /y HT", "cut at \(cut)")
        client.send(get)
        #expect(client.readAnswer()?.body == "get /a ")
      }
    }
  }

  @Test("an error behind large answers comes after them, whole")
  func errorBehindAnswers() throws {
    try EchoServer.serve { _, bound, _ in
      let client = try TestClient(bound)
      client.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: 300) + "BAD\r\n\r\n")
      for _ in 0..<300 { #expect(client.readAnswer()?.body.utf8.count == 30_000) }
      #expect(client.readToEnd().hasPrefix("HTTP/1.1 400 "))
    }
  }
}
