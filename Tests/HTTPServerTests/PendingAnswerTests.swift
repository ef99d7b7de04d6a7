import EventLoop
import HTTPServer
import Testing

@Suite("HTTP server: answers that are put off")
struct PendingAnswerTests {
  private let get = EchoServer.get

  @Test("answers that are put off come to their own connection, in order within it")
  func pending() throws {
    try EchoServer.serve(workers: 2) { _, bound, state in
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
    try EchoServer.serve(limits: limits) { server, bound, state in
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
}
