import LoadReport
import Synchronization
import Testing

@testable import LoadGenerator

@Suite("The pace of a load")
struct EnginePaceTests {
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
