import EventLoop
import Foundation
import HTTPServer
import Synchronization
import Testing

/// The server with a handler that echoes, over real sockets.
@Suite("HTTP server")
struct HTTPServerTests {
  private let get = EchoServer.get

  @Test("keep-alive: one connection, many requests, on IPv4, IPv6 and a Unix socket")
  func keepAlive() throws {
    let path = EchoServer.socketPath()
    for address in ["127.0.0.1:0", "[::1]:0", "unix:\(path)"] {
      try EchoServer.serve(address, workers: 2) { server, bound, _ in
        let client = try TestClient(bound)
        for number in 0..<50 {
          client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
          #expect(client.readAnswer()?.body == "get /\(number) ")
        }
        #expect(server.statistics().acceptedConnections == 1)
      }
    }
    #expect(!FileManager.default.fileExists(atPath: path), "the socket's file stays behind")
  }

  @Test("pipelined requests are answered in order, whatever their number")
  func pipelining() throws {
    try EchoServer.serve { _, bound, _ in
      let client = try TestClient(bound)
      client.send((0..<2000).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" }.joined())
      for number in 0..<2000 { #expect(client.readAnswer()?.body == "post /\(number) hi") }
    }
  }

  @Test("who sends a thousand requests in a row does not keep the others waiting for all of them")
  func fairness() throws {
    try EchoServer.serve { _, bound, state in
      let (greedy, modest) = (try TestClient(bound), try TestClient(bound))
      for client in [greedy, modest] {
        client.send(get)
        #expect(client.readAnswer()?.body == "get /a ")
      }
      let holder = try EchoServer.hold(bound, state)
      // All of it is there before the worker looks again. The last of them is put off, and so tells its turn.
      greedy.send(String(repeating: get, count: 1000) + "GET /wait/greedy HTTP/1.1\r\nHost: a\r\n\r\n")
      modest.send("GET /wait/modest HTTP/1.1\r\nHost: a\r\n\r\n")
      state.unblocked.raise(to: 1)
      #expect(holder.readAnswer()?.body == "get /block ")
      #expect(state.arrived.wait(for: 2, milliseconds: 20_000))
      #expect(state.pending.withLock { $0.map(\.text) } == ["get /wait/modest ", "get /wait/greedy "])
    }
  }

  @Test("what is there when a connection is accepted is answered like what comes later")
  func firstLook() throws {
    try EchoServer.serve { server, bound, state in
      let holder = try EchoServer.hold(bound, state)
      let clients = try (0..<6).map { _ in try TestClient(bound) }
      let (greedy, wrong, half, chunked, ended, waiting) =
        (clients[0], clients[1], clients[2], clients[3], clients[4], clients[5])
      let large = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
      greedy.send(String(repeating: large, count: 400))  // 12 MB of answers: more than a socket takes at once
      wrong.send("no request at all\r\n\r\n\(get)")
      half.send("GET /a HT")
      chunked.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab")
      ended.send(get)
      ended.shutdownSending()
      waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n\(get)")
      state.unblocked.raise(to: 1)
      #expect(holder.readAnswer()?.body == "get /block ")
      #expect(state.arrived.wait(for: 1, milliseconds: 20_000))
      state.release()
      #expect(waiting.readAnswer()?.body == "get /wait ")
      #expect(waiting.readAnswer()?.body == "get /a ")
      #expect(wrong.readToEnd().hasPrefix("HTTP/1.1 400 "))
      half.send("TP/1.1\r\nHost: a\r\n\r\n")
      #expect(half.readAnswer()?.body == "get /a ")
      chunked.send("c\r\n0\r\n\r\n")
      #expect(chunked.readAnswer()?.body == "post /x abc")
      #expect(ended.readToEnd().hasSuffix("get /a "))
      for _ in 0..<400 { #expect(greedy.readAnswer()?.body.utf8.count == 30_000) }
      for client in [greedy, half, chunked, waiting] {
        client.send(get)
        #expect(client.readAnswer()?.body == "get /a ", "it goes on")
      }
      #expect(server.statistics().timeouts == 0)
    }
  }

  @Test("who sends more behind its last request gets its answers and an end, wherever a read was cut")
  func unreadAtTheEnd() throws {
    try EchoServer.serve { _, bound, state in
      let holder = try EchoServer.hold(bound, state)
      // A turn reads 16 KiB: the last request ends with them, an octet before and an octet later.
      let clients = try [-1, 0, 1].map { offset in
        let client = try TestClient(bound)
        let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: "
        let count = 500
        let padding = 16_384 + offset - count * get.utf8.count - last.utf8.count - 4
        client.send(
          String(repeating: get, count: count) + last + String(repeating: "x", count: padding) + "\r\n\r\n"
            + String(repeating: get, count: 100))
        return client
      }
      state.unblocked.raise(to: 1)
      #expect(holder.readAnswer()?.body == "get /block ")
      for client in clients {
        for _ in 0..<500 { #expect(client.readAnswer()?.body == "get /a ") }
        #expect(client.readAnswer()?.body == "get /last ")
        #expect(client.readToEnd() == "" && client.isAtEnd && !client.isReset)
      }
    }
  }

  @Test("a request in pieces of one octet is answered like a whole one")
  func trickle() throws {
    try EchoServer.serve { _, bound, _ in
      let client = try TestClient(bound)
      for octet in Array(
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\r\n\n\(get)".utf8)
      {
        client.send([octet])
      }
      #expect(client.readAnswer()?.body == "post /x abc")
      #expect(client.readAnswer()?.body == "get /a ")
      client.send("\r")
      client.send(get)
      #expect(client.readToEnd().hasPrefix("HTTP/1.1 400 "), "half an empty line")
    }
  }

  @Test("HTTP/1.0 closes unless asked not to; Connection: close closes; a half-closed client gets its answer")
  func closing() throws {
    try EchoServer.serve { _, bound, _ in
      let old = try TestClient(bound)
      old.send("GET /a HTTP/1.0\r\n\r\n")
      #expect(old.readToEnd().contains("Connection: close"))
      let kept = try TestClient(bound)
      kept.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(kept.readAnswer()?.head.contains("Connection: keep-alive") == true)
      kept.send("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n")
      let rest = kept.readToEnd()
      #expect(rest.contains("get /b") && !rest.contains("never"))
      let half = try TestClient(bound)
      half.send(get)
      half.shutdownSending()
      #expect(half.readToEnd().hasSuffix("get /a "))
    }
  }

  @Test("100 Continue comes before the body, and a refusal at once where it is too long")
  func expectations() throws {
    try EchoServer.serve { _, bound, _ in
      let client = try TestClient(bound)
      client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
      #expect(client.readAnswer()?.head == "HTTP/1.1 100 Continue")
      client.send("abc")
      #expect(client.readAnswer()?.body == "post /x abc")
      client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 999999\r\n\r\n")
      #expect(client.readToEnd().hasPrefix("HTTP/1.1 413 "))
    }
  }

  @Test("errors are answered, can be read although the client goes on sending, and end the connection")
  func errors() throws {
    try EchoServer.serve { server, bound, _ in
      for (request, status) in [
        ("BAD\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/3.0\r\n\r\n", 505),
        ("GET /\(String(repeating: "a", count: 100_000))", 414),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
      ] {
        let client = try TestClient(bound)
        client.send(request)
        client.send(String(repeating: "x", count: 50_000))
        let answer = client.readToEnd()
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(40)): \(answer.prefix(40))")
        #expect(answer.contains("Connection: close") && answer.contains("Date: "))
      }
      let client = try TestClient(bound)
      client.send(get)
      #expect(client.readAnswer() != nil, "the server goes on")
      #expect(server.statistics().protocolErrors == 6)
    }
  }
}
