import LoadReport
import OCSP
import Testing

@testable import LoadGenerator

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
}
