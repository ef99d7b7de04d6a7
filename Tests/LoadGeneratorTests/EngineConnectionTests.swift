import LoadReport
import Synchronization
import Testing

@testable import LoadGenerator

@Suite("Connections of a load")
struct EngineConnectionTests {
  @Test("requests on a connection that is closed without an answer are closed early, and the load goes on")
  func closedEarly() throws {
    let server = try ScriptedServer { request in
      request.numberOnConnection == 3 ? .close : .answer(ScriptedServer.right(request))
    }
    var world = try EngineWorld()
    world.settings.connections = 2
    let run = try world.run(server.url)
    #expect(run.count(.closedEarly) > 1)
    #expect(run.count(.good) > run.count(.closedEarly))
    #expect(run.count(.good) + run.count(.closedEarly) == run.planned)
  }

  @Test("an answer that ends in its middle is closed early, and what came of it is shown")
  func closedInAnswer() throws {
    let server = try ScriptedServer { .answerAndClose(Array(ScriptedServer.right($0).dropLast(5))) }
    var world = try EngineWorld()
    world.settings.connections = 1
    world.settings.durationMilliseconds = 100
    let run = try world.run(server.url)
    #expect(run.count(.closedEarly) == run.planned)
    #expect(run.examples.first?.answerHexadecimal.isEmpty == false)
  }

  @Test("a server that says it will close is left in good order: no request is lost")
  func politeClose() throws {
    let server = try ScriptedServer { request in
      request.numberOnConnection == 2
        ? .answerAndClose(ScriptedServer.right(request, fields: "Connection: close\r\n"))
        : .answer(ScriptedServer.right(request))
    }
    let run = try EngineWorld().run(server.url)
    #expect(run.failures == 0, "\(run.examples)")
    #expect(run.connectionsOpened > 4)
    #expect(run.count(.good) == run.planned)
  }

  @Test("silence is a timeout, and the connection is made again")
  func timeouts() throws {
    let server = try ScriptedServer { _ in .nothing }
    var world = try EngineWorld()
    world.settings.timeoutMilliseconds = 60
    world.settings.connections = 2
    let run = try world.run(server.url)
    #expect(run.count(.timeout) >= 2)
    #expect(run.count(.timeout) == run.planned)
    #expect(server.connectionCount > 2)
  }

  @Test("where nobody listens connections fail, and not in a rush")
  func nobodyThere() throws {
    var world = try EngineWorld()
    world.settings.connections = 1
    let run = try world.run("http://127.0.0.1:\(try ScriptedServer.freePort())/")
    #expect(run.count(.connectFailed) > 0)
    // 10 ms, 20 ms, 40 ms, ... of rest between attempts.
    #expect(run.count(.connectFailed) < 10)
    #expect(run.examples.first?.explanation.contains("Connection refused") == true)
  }

  @Test("answers in chunks, octet by octet, and ended by the connection are taken")
  func framings() throws {
    let server = try ScriptedServer { request in
      let right = ScriptedServer.right(request)
      let body = ScriptedServer.body(of: right)
      let type = "Content-Type: application/ocsp-response\r\n"
      switch request.number % 3 {
      case 0:
        let head = "HTTP/1.1 200 OK\r\n\(type)Transfer-Encoding: chunked\r\n\r\n\(String(body.count, radix: 16))\r\n"
        return .answer(Array(head.utf8) + body + Array("\r\n0\r\n\r\n".utf8))
      case 1: return .answerByOctets(right)
      default: return .answerAndClose(Array("HTTP/1.0 200 OK\r\n\(type)\r\n".utf8) + body)
      }
    }
    let run = try EngineWorld().run(server.url)
    #expect(run.failures == 0, "\(run.examples)")
    #expect(run.count(.good) == run.planned && run.planned > 3)
  }

  @Test("pipelined answers belong to their requests in order, and so many are under way as the depth says")
  func pipelining() throws {
    // Answers only when four requests have come: with fewer under way nothing would ever come.
    let held = Mutex<[Int: [UInt8]]>([:])
    let server = try ScriptedServer { request in
      held.withLock { held in
        held[request.connection, default: []] += ScriptedServer.right(request)
        guard request.numberOnConnection % 4 == 3 else { return .nothing }
        return .answer(held.removeValue(forKey: request.connection) ?? [])
      }
    }
    var world = try EngineWorld()
    world.settings.connections = 2
    world.settings.timeoutMilliseconds = 1000
    world.settings.form.connection = .pipelined(depth: 4)
    let run = try world.run(server.url)
    #expect(run.count(.wrongCertID) == 0)
    #expect(run.count(.good) > 8)
  }

  @Test("what stood behind an answer that ended the connection is sent again elsewhere, and counts once")
  func pipelineCut() throws {
    let server = try ScriptedServer { request in
      request.numberOnConnection == 5
        ? .answerAndClose(ScriptedServer.right(request, fields: "Connection: close\r\n"))
        : .answer(ScriptedServer.right(request))
    }
    var world = try EngineWorld()
    world.settings.form.connection = .pipelined(depth: 4)
    let closed = try world.run(server.url)
    #expect(closed.failures == 0, "\(closed.examples)")
    #expect(closed.connectionsOpened > 8)
    // All but what stood behind the very last answers.
    #expect(closed.count(.good) <= closed.planned && closed.count(.good) + 12 >= closed.planned)
    world.settings.pace = .openLoop(requestsPerSecond: 2000)
    world.settings.connections = 2
    let open = try world.run(server.url)
    #expect(open.planned == 600)
    #expect(open.counts.values.reduce(0, +) == 600)
    #expect(Set(open.counts.keys).isSubset(of: [.good, .notSent]), "\(open.counts)")
  }

  @Test("requests that the system takes in parts arrive as they were meant")
  func partsOfRequests() throws {
    let server = try ScriptedServer(receiveBytes: 4096) { .answer(ScriptedServer.right($0)) }
    var world = try EngineWorld()
    world.settings.connections = 1
    world.settings.durationMilliseconds = 500
    world.settings.form.connection = .pipelined(depth: RequestForm.maximumDepth)
    world.settings.sendBufferBytes = 8192
    // A megabyte in one send, beyond the buffers of both.
    world.settings.form.extraHeaders = ["X-Long: " + String(repeating: "x", count: 4000)]
    let run = try world.run(server.url)
    #expect(run.failures == 0, "\(run.examples)")
    #expect(run.count(.good) == run.planned && run.planned > 10)
    #expect(server.connectionCount == 1)
  }
}
