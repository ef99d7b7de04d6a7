import EventLoop
import HTTPServer
import Testing

@Suite("HTTP server: draining")
struct DrainingTests {
  private let get = EchoServer.get

  @Test("draining ends as soon as answers that wait for the socket are read")
  func drainingSlowReader() throws {
    let path = EchoServer.socketPath()
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
      // The listeners close with the first turn of each worker: soon, not at once. Who was taken until then is answered.
      for _ in 0..<10_000 {
        let late = try TestClient(server.addresses[0])
        late.send(get)
        _ = late.readToEnd()
      }
    }
    state.release()
    let answer = waiting.readToEnd()
    #expect(answer.contains("get /wait") && answer.contains("Connection: close"))
    server.waitUntilStopped()
  }

  @Test("draining answers every connection that the system has taken, however many wait in the backlog")
  func backlog() throws {
    for address in ["127.0.0.1:0", "unix:\(EchoServer.socketPath())"] {
      let state = Echo.State()
      let server = try HTTPServer(
        name: "test", addresses: [try ListenAddress(address)], workers: 1, isPinned: false, limits: ServerLimits()
      ) { Echo(state: state, completions: $0) }
      server.start()
      let busy = try EchoServer.hold(server.addresses[0], state)
      let waiting = try (0..<300).map { _ in try TestClient(server.addresses[0]) }
      for client in waiting { client.send(EchoServer.get) }
      server.drain()
      state.unblocked.raise(to: 1)
      for client in waiting { #expect(client.readToEnd().hasSuffix("get /a ")) }
      #expect(busy.readToEnd().contains("get /block"))
      server.waitUntilStopped()
    }
  }

  @Test("draining keeps to the bound on connections: over it the answer is 503, also from the backlog")
  func backlogOverTheBound() throws {
    let state = Echo.State()
    var limits = ServerLimits()
    limits.connections = 70
    let server = try HTTPServer(
      name: "test", addresses: [try ListenAddress("127.0.0.1:0")], workers: 1, isPinned: false, limits: limits
    ) { Echo(state: state, completions: $0) }
    server.start()
    let busy = try EchoServer.hold(server.addresses[0], state)
    let waiting = try (0..<70).map { _ in try TestClient(server.addresses[0]) }
    // They stay until they are answered.
    for client in waiting { client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n") }
    server.drain()
    state.unblocked.raise(to: 1)
    #expect(state.arrived.wait(for: 69, milliseconds: 20_000))
    state.release()
    let answers = waiting.map { $0.readToEnd() }
    #expect(answers.filter { $0.hasPrefix("HTTP/1.1 200 ") }.count == 69)
    #expect(answers.filter { $0.hasPrefix("HTTP/1.1 503 ") }.count == 1)
    #expect(busy.readToEnd().contains("get /block"))
    server.waitUntilStopped()
  }
}
