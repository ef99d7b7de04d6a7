import EventLoop
import LoadReport
import OCSP
import Synchronization
import Testing

@testable import LoadGenerator

/// Runs a load against scripted servers.
struct EngineWorld {
  var settings = LoadSettings()
  var serials: SerialList

  init() throws {
    settings.connections = 4
    settings.warmUpMilliseconds = 0
    settings.durationMilliseconds = 300
    settings.timeoutMilliseconds = 10_000
    settings.signatures = .none
    serials = try LoadWorld.serials(20)
  }

  func run(_ url: String, stop: StopSignal = StopSignal()) throws -> LoadRun {
    let target = try LoadTarget(url)
    let engine = LoadEngine(settings: settings, issuer: try LoadWorld.issuer(), serials: serials, target: target)
    let place = try #require(try target.resolved().first)
    return try engine.run(to: place, judge: { _, _ in [] }, stop: stop, progress: { _ in })
  }
}

@Suite("The engine of a load")
struct EngineTests {
  @Test("counts right answers as fine, over kept connections, with each method, hash and threads", arguments: [1, 3])
  func fine(threads: Int) throws {
    let server = try ScriptedServer { .answer(ScriptedServer.right($0)) }
    var world = try EngineWorld()
    world.settings.threads = threads
    world.settings.mix.posts = .init(0.5)
    world.settings.mix.nonces = .init(0.5)
    world.settings.mix.hashes = [(.sha1, 0.5), (.sha512, 0.5)]
    let run = try world.run(server.url)
    #expect(run.failures == 0, "\(run.examples)")
    #expect(run.count(.good) == run.planned)
    #expect(run.count(.good) > 20)
    #expect(run.latency.count == run.count(.good))
    #expect(run.connectionsOpened == 4)
    #expect(server.connectionCount == 4)
    #expect(run.timeline.count == 1)
    #expect(run.timeline.map(\.answered).reduce(0, +) == run.count(.good))
  }

  @Test("goes to IPv6 addresses too")
  func ipv6() throws {
    let server = try ScriptedServer(at: "[::1]:0") { .answer(ScriptedServer.right($0)) }
    let run = try EngineWorld().run(server.url)
    #expect(run.count(.good) == run.planned && run.planned > 3)
  }

  @Test("opens a connection for each request where it shall, in HTTP/1.1 and 1.0", arguments: [false, true])
  func closing(isHTTP10: Bool) throws {
    let server = try ScriptedServer {
      $0.numberOnConnection == 0 ? .answerAndClose(ScriptedServer.right($0)) : .answer(Array("no".utf8))
    }
    var world = try EngineWorld()
    world.settings.form.connection = .close
    world.settings.form.isHTTP10 = isHTTP10
    let run = try world.run(server.url)
    #expect(run.failures == 0, "\(run.examples)")
    #expect(run.count(.good) == run.planned)
    #expect(run.planned > 10)
    #expect(server.connectionCount == server.requestCount)
  }

  @Test("an open loop sends what the plan has, and counts what was sent")
  func openLoop() throws {
    let server = try ScriptedServer { .answer(ScriptedServer.right($0)) }
    var world = try EngineWorld()
    world.settings.pace = .openLoop(requestsPerSecond: 400)
    world.settings.threads = 2
    let run = try world.run(server.url)
    #expect(run.planned == 120)
    #expect(run.count(.good) == 120, "\(run.counts)")
    #expect(run.lateness.count == 120)
    #expect(server.requestCount == 120)
  }

  @Test("what is wrong with an answer is told by its kind, with an example")
  func wrongAnswers() throws {
    let kinds: [AnswerKind] = [
      .wrongCertID, .wrongContentType, .refused, .refused, .httpStatus, .internalError, .malformedResponse,
      .tryLater, .unexpectedStatus, .unexpectedStatus, .sigRequired, .malformedRequest, .good,
    ]
    let server = try ScriptedServer { request in
      let right = ScriptedServer.right(request)
      let body = LoadWorld.answer([[0x30, 0]])
      return switch request.number % 13 {
      case 0: .answer(ScriptedServer.right(request, wrongSerial: true))
      case 1: .answer(LoadWorld.http(body, type: "text/html"))
      case 2: .answer(LoadWorld.http([], status: "503 Service Unavailable"))
      case 3: .answer(LoadWorld.http([], status: "429 Too Many Requests"))
      case 4: .answer(LoadWorld.http([], status: "404 Not Found"))
      case 5: .answer(LoadWorld.http(LoadWorld.errorAnswer(.internalError)))
      case 6: .answer(LoadWorld.http([0x30, 0x80]))
      case 7: .answer(LoadWorld.http(LoadWorld.errorAnswer(.tryLater)))
      case 8: .answer(LoadWorld.http(LoadWorld.errorAnswer(.unauthorized)))
      case 9: .answer(ScriptedServer.right(request, status: .unknown))
      case 10: .answer(LoadWorld.http(LoadWorld.errorAnswer(.sigRequired)))
      case 11: .answer(LoadWorld.http(LoadWorld.errorAnswer(.malformedRequest)))
      default: .answer(right)
      }
    }
    var world = try EngineWorld()
    world.settings.connections = 1
    let run = try world.run(server.url)
    for kind in Set(kinds) { #expect(run.count(kind) > 0, "\(kind)") }
    #expect(Set(run.counts.keys) == Set(kinds))
    #expect(run.counts.values.reduce(0, +) == run.planned)
    #expect(Set(run.examples.map(\.kind)) == Set(kinds.filter(\.isFailure)))
    let example = try #require(run.examples.first { $0.kind == .wrongContentType })
    #expect(example.method == "GET" && example.target.hasPrefix("/ME"))
    #expect(example.answerHexadecimal.hasPrefix("485454502f312e3120323030"))
  }

  @Test("damaged requests and invented serials have answers of their own, and good is none of them")
  func questionsWithOtherAnswers() throws {
    let server = try ScriptedServer { request in
      if (try? OCSPRequest(request.der.span)) == nil, request.number % 2 == 0 {
        return .answer(LoadWorld.http([], status: "400 Bad Request"))
      }
      return .answer(ScriptedServer.right(request))
    }
    var world = try EngineWorld()
    world.settings.mix.malformed = .init(0.5)
    world.settings.mix.posts = .init(0.5)
    let run = try world.run(server.url)
    #expect(run.failures == 0, "\(run.examples)")
    #expect(run.count(.rejected) > 0 && run.count(.rejectedByStatus) > 0 && run.count(.good) > 0)
    world.settings.mix.malformed = .none
    world.settings.mix.unknown = .all
    let invented = try world.run(server.url)
    #expect(invented.count(.unexpectedStatus) == invented.planned)
    let honest = try ScriptedServer { _ in .answer(LoadWorld.http(LoadWorld.errorAnswer(.unauthorized))) }
    let told = try world.run(honest.url)
    #expect(told.count(.unauthorized) == told.planned)
  }

  @Test("what is expected of the serials is held against the answers")
  func expectations() throws {
    let server = try ScriptedServer { .answer(ScriptedServer.right($0)) }
    var world = try EngineWorld()
    world.serials = SerialList([try LoadWorld.serial(octets: 5)], expectation: .revoked)
    let run = try world.run(server.url)
    #expect(run.count(.unexpectedStatus) == run.planned)
    #expect(run.fine == 0)
  }

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
    #expect(run.count(.good) == run.planned && run.planned >= 256)
    #expect(server.connectionCount == 1)
  }

  @Test(
    "a server that stops for a moment is charged for all who would have asked: the open loop's latency is the plan's")
  func coordinatedOmission() throws {
    func slow(_ pace: Pace) throws -> UInt64 {
      let gate = Mutex(false)
      let server = try ScriptedServer { request in
        gate.withLock { hasStalled in
          if request.number >= 30, !hasStalled {
            hasStalled = true
            usleepMilliseconds(200)
          }
        }
        return .answer(ScriptedServer.right(request))
      }
      var world = try EngineWorld()
      world.settings.pace = pace
      world.settings.durationMilliseconds = 600
      let run = try world.run(server.url)
      #expect(run.failures == 0, "\(run.counts)")
      return run.latency.buckets.filter { $0.lowEdge >= 100_000_000 }.reduce(0) { $0 + $1.count }
    }
    let open = try slow(.openLoop(requestsPerSecond: 500))
    let closed = try slow(.closedLoop)
    // A hundred requests of the plan fall into the stall, half of which wait for more than half of it.
    #expect(open >= 40)
    #expect(closed >= 1)
    #expect(open > 3 * closed)
  }

  @Test("what finds no free connection before the end is not sent, and all of the plan is accounted for")
  func notSent() throws {
    let server = try ScriptedServer { _ in .nothing }
    var world = try EngineWorld()
    world.settings.pace = .openLoop(requestsPerSecond: 200)
    world.settings.timeoutMilliseconds = 250
    let run = try world.run(server.url)
    #expect(run.planned == 60)
    #expect(run.counts.values.reduce(0, +) == 60)
    #expect(run.count(.timeout) >= 4)
    #expect(run.count(.notSent) > 20)
  }

  @Test("a load that is stopped tells what was measured until then")
  func stopping() throws {
    let stop = StopSignal()
    let server = try ScriptedServer { request in
      if request.number == 100 { stop.stop() }
      return .answer(ScriptedServer.right(request))
    }
    var world = try EngineWorld()
    world.settings.durationMilliseconds = 600_000
    world.settings.pace = .openLoop(requestsPerSecond: 1000)
    let run = try world.run(server.url, stop: stop)
    #expect(run.seconds < 300)
    #expect(run.count(.good) >= 90)
    #expect(run.counts.values.reduce(0, +) <= run.planned)
  }

  @Test("nothing of the warm-up is counted")
  func warmUp() throws {
    let server = try ScriptedServer { .answer(ScriptedServer.right($0)) }
    var world = try EngineWorld()
    world.settings.warmUpMilliseconds = 200
    world.settings.pace = .openLoop(requestsPerSecond: 300)
    let run = try world.run(server.url)
    #expect(run.planned == 90)
    #expect(run.count(.good) == 90, "\(run.counts)")
    #expect(server.requestCount == 150)
  }

  @Test("answers that are kept are judged behind the run, and what is wrong is taken out of the fine ones")
  func samples() throws {
    let server = try ScriptedServer { .answer(ScriptedServer.right($0)) }
    var world = try EngineWorld()
    world.settings.pace = .openLoop(requestsPerSecond: 200)
    world.settings.signatures = .all
    let target = try LoadTarget(server.url)
    let engine = LoadEngine(
      settings: world.settings, issuer: try LoadWorld.issuer(), serials: world.serials, target: target)
    var judged = 0
    let run = try engine.run(
      to: try #require(try target.resolved().first),
      judge: { _, certID in
        judged += 1
        return certID.serial.octets.last.map { $0 % 2 == 0 } == true ? ["the signature is wrong"] : []
      }, stop: StopSignal(), progress: { _ in })
    #expect(judged == 60)
    #expect(run.count(.badSignature) > 0 && run.count(.good) > 0)
    #expect(run.count(.badSignature) + run.count(.good) == 60)
    #expect(run.examples.first?.explanation == "the signature is wrong")
    world.settings.signatures = .init(1e-9)
    _ = try LoadEngine(
      settings: world.settings, issuer: try LoadWorld.issuer(), serials: world.serials, target: target
    ).run(
      to: try #require(try target.resolved().first),
      judge: { _, _ in
        judged += 1
        return []
      }, stop: StopSignal(), progress: { _ in })
    #expect(judged == 61, "at least one of a run is judged")
  }

  @Test("connections beside the load are made, ask slowly, and come back when they were closed")
  func beside() throws {
    let askedBeside = Mutex<[Int: Int]>([:])
    let server = try ScriptedServer { request in
      // The load itself posts.
      guard request.text.hasPrefix("GET") else { return .answer(ScriptedServer.right(request)) }
      let count = askedBeside.withLock { asked in
        asked[request.connection, default: 0] += 1
        return asked[request.connection] ?? 0
      }
      return count > 2 ? .close : .answer(ScriptedServer.right(request))
    }
    var world = try EngineWorld()
    world.settings.connections = 1
    world.settings.mix.posts = .all
    world.settings.slowReaders = 3
    world.settings.idleConnections = 5
    world.settings.pace = .openLoop(requestsPerSecond: 20)
    world.settings.durationMilliseconds = 2500
    let run = try world.run(server.url)
    #expect(run.count(.good) == 50, "\(run.counts)")
    // The slow ones come back, and not in a rush.
    let asked = askedBeside.withLock { $0.count }
    #expect((6...12).contains(asked))
    #expect(server.connectionCount == 1 + 5 + asked)
  }
}
