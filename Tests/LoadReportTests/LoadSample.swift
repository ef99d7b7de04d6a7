import CalendarTime
import TestSupport

@testable import LoadReport

/// Results as a load test may have them, the same each time.
enum LoadSample {
  static let machine = Machine(
    processors: 4, model: "Example 9000", memoryBytes: 8_321_499_136, kernel: "6.1.0-18-amd64",
    system: "Debian GNU/Linux 12 (bookworm)")

  static func result(
    name: String = "before", url: String = "http://127.0.0.1:8080/", runs: [LoadRun], probes: [Probe] = []
  ) -> LoadResult {
    LoadResult(
      name: name, url: url, startedAt: UnixTime(seconds: 1_775_271_990), machine: machine, version: "1.1.0",
      settings: [
        LoadResult.Setting(name: "method", value: "get:70,post:30"), LoadResult.Setting(name: "hash", value: "sha1"),
        LoadResult.Setting(name: "serials", value: "10,000,000 of index.txt, uniform, seed 1"),
        LoadResult.Setting(name: "connection", value: "keep-alive"),
      ],
      runs: runs, probes: probes)
  }

  /// A run of `seconds` with about `perSecond` answers each, of which few fail.
  static func run(
    pace: Pace = .closedLoop, connections: Int = 64, seconds: Int = 5, perSecond: Int = 400, typical: Int64 = 300_000,
    seed: UInt64 = 1, failures: [AnswerKind] = [], limit: Limit = .server
  ) -> LoadRun {
    var numbers = SeededGenerator(seed: seed)
    var run = LoadRun(pace: pace, connections: connections, seconds: Double(seconds), planned: 0)
    for second in 0..<seconds {
      var latency = LatencyHistogram()
      let answered = perSecond + Int.random(in: -perSecond / 50...perSecond / 50, using: &numbers)
      for _ in 0..<answered {
        let nanoseconds = numbers.nextLatency(typical: typical)
        latency.record(nanoseconds: nanoseconds)
        run.service.record(nanoseconds: nanoseconds * 9 / 10)
        run.counts[Int.random(in: 0..<50, using: &numbers) == 0 ? .revoked : .good, default: 0] += 1
      }
      run.latency.merge(latency)
      let failed = second == seconds - 1 ? failures.count : 0
      run.timeline.append(Second(latency: latency, failed: UInt64(failed)))
    }
    for kind in failures {
      run.counts[kind, default: 0] += 1
      run.examples.append(example(kind))
    }
    if pace != .closedLoop { for _ in 0..<100 { run.lateness.record(nanoseconds: numbers.nextLatency(typical: 5000)) } }
    run.planned = run.answered + run.failures
    run.bytesReceived = run.answered * 1900
    run.connectionsOpened = UInt64(connections)
    run.clientProcessorSeconds = Double(seconds) * 0.34
    run.limit = limit
    return run
  }

  static func example(_ kind: AnswerKind) -> Example {
    Example(
      kind: kind, afterMilliseconds: 1203.5, method: "GET", target: "/MEIwQDA+MDwwOjAJBgUrDgMCGgUABBT1",
      bodyHexadecimal: "",
      answerHexadecimal: "485454502f312e3120353030", explanation: "HTTP 500, and 200 is expected")
  }

  /// One rate after another; from the third on the server does not keep up.
  static func sweep(name: String = "before", typical: Int64 = 300_000) -> LoadResult {
    let rates = [100, 200, 400, 800]
    let runs = rates.enumerated().map { index, rate in
      run(
        pace: .openLoop(requestsPerSecond: Double(rate)), connections: 256, seconds: 4, perSecond: min(rate, 450),
        typical: rate > 450 ? typical * 20 : typical, seed: UInt64(index + 1), limit: rate > 450 ? .server : .rate)
    }
    return result(name: name, runs: runs)
  }

  static let probes: [Probe] = (1...20).map { number in
    let watch = Probe.Watch(
      url: "http://127.0.0.1:8080/", revokedAfterMilliseconds: number == 20 ? nil : 3 + Double(number) / 4,
      lastGoodAfterMilliseconds: number.isMultiple(of: 2) ? 2 + Double(number) / 4 : nil)
    return Probe(serial: "0\(number)", acknowledgedAfterMilliseconds: 2.5, watches: [watch])
  }

  /// Nothing was answered, nothing took any time.
  static let nothing = LoadRun(pace: .closedLoop, connections: 0, seconds: 0, planned: 0)
}
