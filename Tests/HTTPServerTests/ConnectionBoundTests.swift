import EventLoop
import HTTPServer
import Testing

@Suite("HTTP server: bounds on connections")
struct ConnectionBoundTests {
  private let get = EchoServer.get

  @Test("a small server finds room for its connections beside a large one in the same process")
  func descriptors() throws {
    var limits = ServerLimits()
    limits.connections = 4
    // As if all of the first hundred descriptors were somebody else's, and this server had not been told.
    limits.descriptors = 1
    try EchoServer.serve(limits: limits) { _, bound, _ in
      let answer = try TestClient(bound).readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 503 "))
    }
    limits.descriptors = 20_000
    try EchoServer.serve(limits: limits) { _, bound, _ in
      let client = try TestClient(bound)
      client.send(get)
      #expect(client.readAnswer() != nil)
    }
  }

  @Test("over the bound on connections the answer is 503, and there is room again afterwards")
  func connectionBound() throws {
    var limits = ServerLimits()
    limits.connections = 2
    try EchoServer.serve(limits: limits) { server, bound, _ in
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
}
