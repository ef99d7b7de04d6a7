import EventLoop
import HTTPServer
import TLS
import TLSTestSupport
import Testing

@Suite("HTTP server with TLS: faults and the end")
struct TLSFaultTests {
  private let get = EchoServer.get

  /// Waits until a statistic is what it has to become.
  private func waits(_ isReached: () -> Bool) -> Bool {
    let patience = MonotonicTime.now().advanced(byMilliseconds: 20_000)
    let quiet = GrowingValue()
    while !isReached(), MonotonicTime.now() < patience { _ = quiet.wait(for: 1, milliseconds: 5) }
    return isReached()
  }

  @Test("a connection that breaks in the middle of a record, or without a word, costs itself alone")
  func abruptEnds() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { server, bound, _ in
      do {
        let cut = try TLSTestClient(bound, tls.authority)
        cut.socket.send(Array(try cut.seal(get).dropLast(3)))
        let head = try TLSTestClient(bound, tls.authority)
        try head.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        let half = try TLSTestClient(bound, tls.authority)
        half.socket.send(Array(try half.seal(get).dropLast(3)))
        half.socket.shutdownSending()
        #expect(try half.readToEnd() == "")
      }
      #expect(waits { server.statistics().openConnections == 0 })
      #expect(server.statistics().requests == 0 && server.statistics().handshakes == 3)
      #expect(try TLSTestClient(bound, tls.authority).answer(to: get) == "get /a ")
    }
  }

  @Test("a record that was tampered with is nobody's request: the client is told so and the connection ends")
  func tampering() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { server, bound, _ in
      let client = try TLSTestClient(bound, tls.authority)
      #expect(try client.answer(to: get) == "get /a ")
      // Nor is what came just before: its answer could not be sent any more.
      var wire = try client.seal(get) + client.seal(get)
      wire[wire.count - 1] ^= 1
      client.socket.send(wire)
      let failure = #expect(throws: TLSFailure.self) { try client.readToEnd() }
      #expect(failure?.why.contains("alert bad record mac") == true)
      #expect(server.statistics().requests == 1)
      // The handshake was done long ago.
      #expect(server.statistics().failedHandshakes == 0)
    }
  }

  @Test("a part of a record is the beginning of a request: the rest has to come in time")
  func slowRecords() throws {
    let tls = try TLSServer()
    var limits = ServerLimits()
    limits.headMilliseconds = 200
    limits.bodyMilliseconds = 200
    // So long that the test would fail for good if it were waited for.
    limits.idleMilliseconds = 3_600_000
    try EchoServer.serve(limits: limits, tls: tls.context) { server, bound, _ in
      let record = try TLSTestClient(bound, tls.authority)
      record.socket.send(Array(try record.seal(get).prefix(7)))
      #expect(try record.readToEnd().hasPrefix("HTTP/1.1 408 ") && record.hasSeenEnd)
      for start in ["GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"] {
        let client = try TLSTestClient(bound, tls.authority)
        try client.send(start)
        #expect(try client.readToEnd().hasPrefix("HTTP/1.1 408 ") && client.hasSeenEnd)
      }
      #expect(server.statistics().timeouts == 3)
    }
  }

  @Test("a client that does not read loses its place, and is not told that it has read everything")
  func slowReaders() throws {
    let tls = try TLSServer()
    var limits = ServerLimits()
    limits.writeMilliseconds = 100
    try EchoServer.serve(limits: limits, tls: tls.context) { server, bound, _ in
      let reader = try TLSTestClient(bound, tls.authority)
      try reader.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: 400))
      #expect(waits { server.statistics().timeouts == 1 && server.statistics().openConnections == 0 })
      #expect(server.statistics().requests < 400)
      _ = try reader.readToEnd()
      #expect(reader.socket.isAtEnd && !reader.hasSeenEnd)
    }
  }

  @Test("over the bound on connections a client is turned away before its handshake")
  func bound() throws {
    let tls = try TLSServer()
    var limits = ServerLimits()
    limits.connections = 1
    try EchoServer.serve(limits: limits, tls: tls.context) { server, bound, _ in
      let first = try TLSTestClient(bound, tls.authority)
      #expect(throws: TestClient.Broken.self) { try TLSTestClient(bound, tls.authority) }
      #expect(server.statistics().refusedConnections == 1)
      #expect(try first.answer(to: get) == "get /a ")
    }
  }

  @Test("draining answers what is open and who is in the middle of a handshake, and ends the rest with a word")
  func draining() throws {
    let tls = try TLSServer()
    let state = Echo.State()
    var limits = ServerLimits()
    // So long that the test would fail for good if it were waited for.
    limits.drainMilliseconds = 3_600_000
    limits.headMilliseconds = 3_600_000
    let server = try HTTPServer(
      name: "test", addresses: [try ListenAddress("127.0.0.1:0")], workers: 1, isPinned: false, limits: limits,
      tls: tls.context
    ) { Echo(state: state, completions: $0) }
    server.start()
    let idle = try TLSTestClient(server.addresses[0], tls.authority)
    #expect(try idle.answer(to: get) == "get /a ")
    let waiting = try TLSTestClient(server.addresses[0], tls.authority)
    try waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(state.arrived.wait(for: 1, milliseconds: 20_000))
    let silent = try TestClient(server.addresses[0])
    let opening = try TLSTestClient(server.addresses[0], tls.authority, isWaiting: true)
    #expect(waits { server.statistics().acceptedConnections == 4 })
    server.drain()
    #expect(try idle.readToEnd() == "" && idle.hasSeenEnd)
    #expect(silent.readToEnd() == "" && silent.isAtEnd)
    try opening.shakeHands()
    try opening.send(get)
    let late = try opening.readToEnd()
    #expect(late.contains("get /a ") && late.contains("Connection: close") && opening.hasSeenEnd)
    state.release()
    let answer = try waiting.readToEnd()
    #expect(answer.contains("get /wait") && answer.contains("Connection: close") && waiting.hasSeenEnd)
    server.waitUntilStopped()
    #expect(server.statistics().openConnections == 0)
  }

  @Test("new files count for new handshakes, and files that cannot be used change nothing")
  func reload() throws {
    let tls = try TLSServer()
    let next = try TLSAuthority()
    let clients = try TLSAuthority()
    try EchoServer.serve(tls: tls.context) { server, bound, _ in
      let before = try TLSTestClient(bound, tls.authority)
      #expect(throws: TLSFailure.self) { try TLSTestClient(bound, next) }
      // A certificate of another authority under the same names, first without its key.
      let new = try next.make("server")
      #expect(TLSServer.run("cp \(new.certificate) \(tls.authority.folder)/server.pem") == "")
      let failure = #expect(throws: TLSFailure.self) { try tls.context.reload() }
      #expect(failure?.why.hasSuffix("key values mismatch") == true)
      #expect(try TLSTestClient(bound, tls.authority).answer(to: get) == "get /a ")
      #expect(TLSServer.run("cp \(new.key) \(tls.authority.folder)/server-key.pem") == "")
      try tls.context.reload()
      #expect(try TLSTestClient(bound, next).answer(to: get) == "get /a ")
      #expect(throws: TLSFailure.self) { try TLSTestClient(bound, tls.authority) }
      #expect(try before.answer(to: get) == "get /a ", "an open connection goes on")
      // From here on with clients' certificates.
      try tls.context.reload(
        ServerTLSSettings(certificateFile: new.certificate, keyFile: new.key, clientAuthorityFile: clients.file))
      let failed = server.statistics().failedHandshakes
      let refused = tls.python(bound, "connect()")
      #expect(refused.contains("ssl.SSLCertVerificationError"), "the old authority is not that of the server any more")
      #expect(waits { server.statistics().failedHandshakes > failed })
    }
  }
}
