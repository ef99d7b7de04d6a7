import LoadReport
import Testing

@testable import LoadGenerator

@Suite("The limit of a run")
struct RunLimitTests {
  private func run(_ pace: Pace, good: UInt64 = 1000, services: [Int64] = [], lateness: Int64 = 1000) -> LoadRun {
    var run = LoadRun(pace: pace, connections: 10, seconds: 1, planned: 1000)
    run.counts = [.good: good]
    for service in services { run.service.record(nanoseconds: service) }
    for _ in 0..<100 { run.lateness.record(nanoseconds: lateness) }
    return run
  }

  @Test("is the client where a thread of it was busy, or where its sends were late")
  func client() {
    let open = Pace.openLoop(requestsPerSecond: 1000)
    guard case .client(let busy) = RunLimit.limit(of: run(open), busiest: 0.95),
      case .client(let late) = RunLimit.limit(of: run(open, lateness: 9_000_000), busiest: 0.1)
    else {
      Issue.record("the client is the limit")
      return
    }
    #expect(busy.contains("95 %") && late.contains("9 ms late"))
  }

  @Test("is the rate where it was reached, and the server where it was not")
  func openLoop() {
    let pace = Pace.openLoop(requestsPerSecond: 1000)
    #expect(RunLimit.limit(of: run(pace), busiest: 0.5) == .rate)
    #expect(RunLimit.limit(of: run(pace, good: 985), busiest: 0.5) == .server)
  }

  @Test("is none that can be named where much failed, and not for lack of time", arguments: [0.1, 0.95])
  func failures(busiest: Double) {
    for pace in [Pace.closedLoop, .openLoop(requestsPerSecond: 1000)] {
      for (kind, other) in [(AnswerKind.connectFailed, AnswerKind.timeout), (.wrongCertID, .tryLater)] {
        var dead = run(pace, good: 500)
        dead.counts[kind] = 500
        #expect(RunLimit.limit(of: dead, busiest: busiest) == .failures)
        var slow = run(pace, good: 500)
        slow.counts[other] = 500
        #expect(RunLimit.limit(of: slow, busiest: busiest) != .failures)
      }
    }
  }

  @Test("a hundredth of failures is too few to say so, and any where nothing was planned is not")
  func fewFailures() {
    for (failed, planned, isTold) in [(UInt64(10), UInt64(1000), false), (11, 1000, true), (1, 0, true), (0, 0, false)]
    {
      var few = run(.closedLoop)
      few.planned = planned
      few.counts[.closedEarly] = failed
      #expect((RunLimit.limit(of: few, busiest: 0.5) == .failures) == isTold, "\(failed) of \(planned)")
    }
  }

  @Test("is the server of a closed loop where requests queue, and nothing that can be named where they do not")
  func closedLoop() {
    #expect(RunLimit.limit(of: run(.closedLoop, services: [10, 100, 110]), busiest: 0.5) == .server)
    #expect(RunLimit.limit(of: run(.closedLoop, services: [90, 100, 110]), busiest: 0.5) == .none)
  }
}
