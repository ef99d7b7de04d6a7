import EventLoop
import HTTPServer
import TLS
import TLSTestSupport
import Testing

@Suite("HTTP server with TLS: exchanges")
struct TLSExchangeTests {
  private let get = EchoServer.get
  private static let large = 5 << 20

  private func largeLimits() -> ServerLimits {
    var limits = ServerLimits()
    limits.bodyBytes = TLSExchangeTests.large
    limits.responseBytes = TLSExchangeTests.large + 1000
    return limits
  }

  @Test("five megabytes go there and back, on a connection that is kept, with and without a length")
  func largeBodies() throws {
    let tls = try TLSServer()
    try EchoServer.serve(limits: largeLimits(), tls: tls.context) { server, bound, _ in
      let folder = tls.authority.folder
      let size = TLSExchangeTests.large
      let make = "head -c \(size) /dev/urandom | base64 -w 0 | head -c \(size) > \(folder)/large"
      let compare = "(printf 'post /x '; cat \(folder)/large) | cmp - \(folder)/answer"
      #expect(TLSServer.run(make) == "")
      for options in ["", "-H 'Transfer-Encoding: chunked'", "-H 'Expect: 100-continue'", "-H 'Expect:'"] {
        let code = tls.curl(
          bound,
          "curl \(options) -w '%{http_code}' -o \(folder)/answer --data-binary @\(folder)/large URL/x; \(compare)")
        #expect(code == "200", "\(options): \(code)")
      }
      let kept = tls.curl(
        bound, "curl -w '%{num_connects} ' -o /dev/null --data-binary @\(folder)/large URL/x -o /dev/null URL/x")
      #expect(kept == "1 0 ")
      #expect(server.statistics().handshakes == 5 && server.statistics().requests == 6)
      #expect(server.statistics().protocolErrors == 0)
    }
  }

  @Test("pipelined requests are answered in order, whatever their number, and however records cut them")
  func pipelining() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { _, bound, _ in
      let client = try TLSTestClient(bound, tls.authority)
      let requests = (0..<2000).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" }.joined()
      try client.send(requests)
      for number in 0..<2000 { #expect(try client.readAnswer()?.body == "post /\(number) hi") }
      // Records of seven octets, which all arrive at once.
      let octets = Array(
        "\(get)POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
      var wire: [UInt8] = []
      for start in stride(from: 0, to: octets.count, by: 7) {
        wire += try client.seal(String(decoding: octets[start..<min(start + 7, octets.count)], as: UTF8.self))
      }
      client.socket.send(wire)
      #expect(try client.readAnswer()?.body == "get /a ")
      #expect(try client.readAnswer()?.body == "post /x abc")
      // One octet of the wire at a time.
      for octet in try client.seal(get) + client.seal(get) { client.socket.send([octet]) }
      #expect(try client.readAnswer()?.body == "get /a ")
      #expect(try client.readAnswer()?.body == "get /a ")
    }
  }

  @Test("100 Continue comes before the body, and a refusal at once where it is too long")
  func expectations() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { _, bound, _ in
      let client = try TLSTestClient(bound, tls.authority)
      try client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
      #expect(try client.readAnswer()?.head == "HTTP/1.1 100 Continue")
      try client.send("abc")
      #expect(try client.readAnswer()?.body == "post /x abc")
      try client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 999999\r\n\r\n")
      // What goes on coming after the refusal does not keep it from being read.
      try client.send(String(repeating: "x", count: 50_000))
      #expect(try client.readToEnd().hasPrefix("HTTP/1.1 413 "))
      #expect(client.hasSeenEnd)
    }
  }

  @Test("the end is announced: after Connection: close, to one that has announced its own, and to an idle one")
  func closing() throws {
    let tls = try TLSServer()
    var limits = ServerLimits()
    limits.idleMilliseconds = 300
    try EchoServer.serve(limits: limits, tls: tls.context) { server, bound, _ in
      let closing = try TLSTestClient(bound, tls.authority)
      try closing.send("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n")
      let text = try closing.readToEnd()
      #expect(text.hasSuffix("get /b ") && closing.hasSeenEnd)
      let half = try TLSTestClient(bound, tls.authority)
      try half.send(get)
      half.sendEnd()
      #expect(try half.readToEnd().hasSuffix("get /a ") && half.hasSeenEnd)
      #expect(server.statistics().timeouts == 0)
      let idle = try TLSTestClient(bound, tls.authority)
      #expect(try idle.readToEnd() == "" && idle.hasSeenEnd)
      #expect(server.statistics().timeouts == 1)
      let python = tls.python(
        bound,
        """
        client = connect()
        client.sendall(b"GET /a HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        print(client.recv(65536).decode().splitlines()[-1])
        client.unwrap().close()
        # Here an end that is not announced would be an error.
        client = connect()
        client.suppress_ragged_eofs = False
        client.sendall(b"GET /b HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
        answer = b""
        while more := client.recv(65536):
            answer += more
        print(answer.decode().splitlines()[-1])
        """)
      #expect(python == "get /a \nget /b \n")
    }
  }

  @Test("a client that is sending yet when its connection ends gets the time to read its answer")
  func lingering() throws {
    let tls = try TLSServer()
    var limits = ServerLimits()
    // So long that the test would fail for good if it were waited for.
    limits.lingerMilliseconds = 3_600_000
    try EchoServer.serve(limits: limits, tls: tls.context) { server, bound, _ in
      let client = try TLSTestClient(bound, tls.authority)
      let request = try client.seal("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      client.socket.send(request + (try client.seal(get)).prefix(7))
      #expect(try client.readToEnd().hasSuffix("get /b ") && client.hasSeenEnd)
      #expect(client.socket.receive() == [] && server.statistics().openConnections == 1)
      client.socket.shutdownSending()
    }
  }

  @Test("answers that are put off come to their own connection, in order with what was pipelined behind")
  func pending() throws {
    let tls = try TLSServer()
    try EchoServer.serve(workers: 2, tls: tls.context) { _, bound, state in
      let clients = try (0..<10).map { _ in try TLSTestClient(bound, tls.authority) }
      for (number, client) in clients.enumerated() {
        try client.send("GET /wait\(number) HTTP/1.1\r\nHost: a\r\n\r\n\(get)")
      }
      #expect(state.arrived.wait(for: 10, milliseconds: 20_000))
      // To half of them more comes while nothing is read.
      for client in clients[5...] { for _ in 0..<2 { try client.send(get) } }
      state.release()
      for (number, client) in clients.enumerated() {
        #expect(try client.readAnswer()?.body == "get /wait\(number) ")
        for _ in 0..<(number < 5 ? 1 : 3) { #expect(try client.readAnswer()?.body == "get /a ") }
      }
    }
  }

  @Test("a client that reads late gets every octet, and what is behind waits for it")
  func backPressure() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { _, bound, _ in
      let client = try TLSTestClient(bound, tls.authority)
      try client.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: 300))
      try client.send("\(get)BAD\r\n\r\n")
      for _ in 0..<300 { #expect(try client.readAnswer()?.body.utf8.count == 30_000) }
      #expect(try client.readAnswer()?.body == "get /a ")
      #expect(try client.readToEnd().hasPrefix("HTTP/1.1 400 ") && client.hasSeenEnd)
    }
  }
}
