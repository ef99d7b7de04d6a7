import EventLoop
import Foundation
import HTTP1
import HTTPServer
import Synchronization
import Testing

/// The server with a handler that echoes, over real sockets.
@Suite("HTTP server")
struct HTTPServerTests {
  /// Answers with method, target and body; a target that begins with /wait is put off until `release`.
  final class Echo: RequestHandler {
    let state: State
    let completions: CompletionQueue

    final class State: Sendable {
      let pending = Mutex<[(queue: CompletionQueue, connection: ConnectionID, text: String)]>([])
      let arrived = GrowingValue()

      /// Completes the answers that are put off, the last one first.
      func release() {
        let all = pending.withLock { pending in
          defer { pending = [] }
          return pending
        }
        for (queue, connection, text) in all.reversed() {
          queue.complete(connection) { _, keepsAlive, response in
            Echo.write(text, keepsAlive, 1, &response)
          }
        }
      }
    }

    init(state: State, completions: CompletionQueue) {
      self.state = state
      self.completions = completions
    }

    func handle(
      _ head: RequestHead, octets: Span<UInt8>, body: Span<UInt8>, turn: Turn, connection: ConnectionID,
      response: inout ResponseBuffer
    ) -> Handling {
      let target = String(decoding: head.target.map { octets[$0] }, as: UTF8.self)
      let content = String(decoding: body.indices.map { body[$0] }, as: UTF8.self)
      let text =
        target.hasPrefix("/large") ? String(repeating: "x", count: 30_000) : "\(head.method) \(target) \(content)"
      guard target.hasPrefix("/wait") else {
        Echo.write(text, head.keepsAlive, head.minorVersion, &response)
        return .answered
      }
      let count = state.pending.withLock { pending in
        pending.append((completions, connection, text))
        return pending.count
      }
      state.arrived.raise(to: UInt64(count))
      return .pending
    }

    static func write(_ text: String, _ keepsAlive: Bool, _ minorVersion: UInt8, _ response: inout ResponseBuffer) {
      response.append("HTTP/1.1 200 OK\r\nContent-Length: ")
      response.appendDecimal(text.utf8.count)
      response.append("\r\n")
      response.appendConnection(keepsAlive: keepsAlive, minorVersion: minorVersion)
      response.append("\r\n")
      response.append(Array(text.utf8))
    }
  }

  /// A server on a port of its own for the time of `body`.
  private func serve(
    _ address: String = "127.0.0.1:0", workers: Int = 1, limits: ServerLimits = ServerLimits(),
    _ body: (HTTPServer, ListenAddress, Echo.State) throws -> Void
  ) throws {
    let state = Echo.State()
    let server = try HTTPServer(
      name: "test", addresses: [try ListenAddress(address)], workers: workers, isPinned: false, limits: limits
    ) { Echo(state: state, completions: $0) }
    server.start()
    defer {
      state.release()
      server.drain()
      server.waitUntilStopped()
    }
    try body(server, server.addresses[0], state)
  }

  private let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test("keep-alive: one connection, many requests, on IPv4, IPv6 and a Unix socket")
  func keepAlive() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "avouch-\(UUID().uuidString.prefix(8)).sock"
    ).path
    for address in ["127.0.0.1:0", "[::1]:0", "unix:\(path)"] {
      try serve(address, workers: 2) { server, bound, _ in
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
    try serve { _, bound, _ in
      let client = try TestClient(bound)
      client.send((0..<2000).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" }.joined())
      for number in 0..<2000 { #expect(client.readAnswer()?.body == "post /\(number) hi") }
    }
  }

  @Test("a request in pieces of one octet is answered like a whole one")
  func trickle() throws {
    try serve { _, bound, _ in
      let client = try TestClient(bound)
      for octet in Array(
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\(get)".utf8)
      {
        client.send([octet])
      }
      #expect(client.readAnswer()?.body == "post /x abc")
      #expect(client.readAnswer()?.body == "get /a ")
    }
  }

  @Test("HTTP/1.0 closes unless asked not to; Connection: close closes; a half-closed client gets its answer")
  func closing() throws {
    try serve { _, bound, _ in
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
    try serve { _, bound, _ in
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
    try serve { server, bound, _ in
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

  @Test("answers that are put off come to their own connection, in order within it")
  func pending() throws {
    try serve(workers: 2) { _, bound, state in
      let clients = try (0..<10).map { _ in try TestClient(bound) }
      for (number, client) in clients.enumerated() {
        client.send("GET /wait\(number) HTTP/1.1\r\nHost: a\r\n\r\n\(get)")
      }
      #expect(state.arrived.wait(for: 10, milliseconds: 20_000))
      state.release()
      for (number, client) in clients.enumerated() {
        #expect(client.readAnswer()?.body == "get /wait\(number) ")
        #expect(client.readAnswer()?.body == "get /a ")
      }
    }
  }

  @Test("an answer whose client is gone reaches nobody, though the descriptor has a new owner")
  func staleCompletion() throws {
    var limits = ServerLimits()
    limits.drainMilliseconds = 300
    try serve(limits: limits) { server, bound, state in
      do {
        let gone = try TestClient(bound)
        gone.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(state.arrived.wait(for: 1, milliseconds: 20_000))
      }
      let next = try TestClient(bound)
      next.send(get)
      #expect(next.readAnswer()?.body == "get /a ")
      state.release()
      next.send(get)
      #expect(next.readAnswer()?.body == "get /a ")
    }
  }

  @Test("clients that are slow with head or body are told so and lose their place")
  func slowSenders() throws {
    var limits = ServerLimits()
    limits.headMilliseconds = 100
    limits.bodyMilliseconds = 100
    try serve(limits: limits) { server, bound, _ in
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
    try serve(limits: limits) { server, bound, _ in
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
    try serve { _, bound, _ in
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
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "avouch-\(UUID().uuidString.prefix(8)).sock"
    ).path
    // A Unix socket takes a few hundred kilobytes: the answers wait.
    try serve("unix:\(path)") { _, bound, _ in
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

  @Test("draining ends as soon as answers that wait for the socket are read")
  func drainingSlowReader() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "avouch-\(UUID().uuidString.prefix(8)).sock"
    ).path
    var limits = ServerLimits()
    // So long that the test would fail for good if it were waited for.
    limits.drainMilliseconds = 3_600_000
    limits.idleMilliseconds = 3_600_000
    let server = try HTTPServer(
      name: "test", addresses: [try ListenAddress("unix:\(path)")], workers: 1, isPinned: false, limits: limits
    ) { Echo(state: Echo.State(), completions: $0) }
    server.start()
    let client = try TestClient(server.addresses[0])
    client.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: 40))
    #expect(client.readAnswer() != nil)
    server.drain()
    let rest = client.readToEnd()
    #expect(rest.utf8.count >= 5 * 30_000 && client.isAtEnd)
    server.waitUntilStopped()
  }

  @Test("a small server finds room for its connections beside a large one in the same process")
  func descriptors() throws {
    var limits = ServerLimits()
    limits.connections = 4
    // As if all of the first hundred descriptors were somebody else's, and this server had not been told.
    limits.descriptors = 1
    try serve(limits: limits) { _, bound, _ in
      let answer = try TestClient(bound).readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 503 "))
    }
    limits.descriptors = 20_000
    try serve(limits: limits) { _, bound, _ in
      let client = try TestClient(bound)
      client.send(get)
      #expect(client.readAnswer() != nil)
    }
  }

  @Test("an error behind large answers comes after them, whole")
  func errorBehindAnswers() throws {
    try serve { _, bound, _ in
      let client = try TestClient(bound)
      client.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: 300) + "BAD\r\n\r\n")
      for _ in 0..<300 { #expect(client.readAnswer()?.body.utf8.count == 30_000) }
      #expect(client.readToEnd().hasPrefix("HTTP/1.1 400 "))
    }
  }

  @Test("over the bound on connections the answer is 503, and there is room again afterwards")
  func connectionBound() throws {
    var limits = ServerLimits()
    limits.connections = 2
    try serve(limits: limits) { server, bound, _ in
      do {
        let clients = try [TestClient(bound), TestClient(bound)]
        for client in clients {
          client.send(get)
          #expect(client.readAnswer() != nil)
        }
        let answer = try TestClient(bound).readToEnd()
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("Retry-After: "))
      }
      let patience = MonotonicTime.now().advanced(byMilliseconds: 20_000)
      let quiet = GrowingValue()
      while server.statistics().openConnections > 0, MonotonicTime.now() < patience {
        _ = quiet.wait(for: 1, milliseconds: 5)
      }
      let again = try TestClient(bound)
      again.send(get)
      #expect(again.readAnswer() != nil)
      #expect(server.statistics().refusedConnections == 1)
    }
  }

  @Test("draining answers what is open, closes the rest and takes nobody new")
  func draining() throws {
    let state = Echo.State()
    let server = try HTTPServer(
      name: "test", addresses: [try ListenAddress("127.0.0.1:0")], workers: 2, isPinned: false, limits: ServerLimits()
    ) { Echo(state: state, completions: $0) }
    server.start()
    let idle = try TestClient(server.addresses[0])
    idle.send(get)
    #expect(idle.readAnswer() != nil)
    let waiting = try TestClient(server.addresses[0])
    waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(state.arrived.wait(for: 1, milliseconds: 20_000))
    server.drain()
    #expect(idle.readToEnd() == "" && idle.isAtEnd)
    #expect(throws: TestClient.Broken.self) {
      // The listeners close with the first turn of each worker: soon, not at once.
      for _ in 0..<10_000 { _ = try TestClient(server.addresses[0]).readToEnd() }
    }
    state.release()
    let answer = waiting.readToEnd()
    #expect(answer.contains("get /wait") && answer.contains("Connection: close"))
    server.waitUntilStopped()
  }

  @Test("a socket file in use, a port in use and a file that is no socket are refused by name")
  func listening() throws {
    try serve { _, bound, _ in
      #expect { try Listener(bound, sharesPort: false) } throws: { "\($0)".contains("\(bound)") }
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("avouch-\(UUID().uuidString).txt")
    try Data("mine".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(throws: ListenError.self) { try Listener(.unix(path: file.path), sharesPort: false) }
    #expect(FileManager.default.fileExists(atPath: file.path))
    for bad in ["", "8080", "localhost", "256.1.1.1:80", "[::1:80", "127.0.0.1:65536", "unix:", "example.com:80"] {
      #expect(throws: ListenAddressError.self, "\(bad)") { try ListenAddress(bad) }
    }
    for good in ["127.0.0.1:80", "[::1]:8080", "unix:/run/a.sock"] {
      #expect(try ListenAddress(good).description == good)
    }
    #expect(try ListenAddress(":80") == .any(port: 80))
  }

  @Test("one socket for everything, or one for each family on the same port")
  func families() throws {
    let both = try Listener(try ListenAddress(":0"), sharesPort: false)
    let port = try #require(both.address.port)
    _ = try TestClient(try ListenAddress("127.0.0.1:\(port)"))
    _ = try TestClient(try ListenAddress("[::1]:\(port)"))
    let four = try Listener(try ListenAddress("0.0.0.0:0"), sharesPort: false)
    _ = try Listener(try ListenAddress("[::]:\(try #require(four.address.port))"), sharesPort: false)
  }
}
