import CalendarTime
import Testing

@testable import LoadReport

@Suite("Results with extreme values")
struct ExtremeResultTests {
  /// Everything at the end of what its type holds: a file may say so.
  private func extreme(_ number: Double, _ whole: UInt64) -> LoadResult {
    let signed = Int64(clamping: whole)
    var run = LoadRun(
      pace: .openLoop(requestsPerSecond: number), connections: Int(signed), seconds: number, planned: whole)
    for kind in AnswerKind.allCases { run.counts[kind] = whole }
    for value in [0, signed] {
      run.latency.record(nanoseconds: value)
      run.lateness.record(nanoseconds: value)
    }
    run.service = run.latency
    for _ in 0..<70 { run.service.merge(run.service) }
    run.timeline = [Second](
      repeating: Second(
        answered: whole, failed: whole, p50Nanoseconds: signed, p99Nanoseconds: 0, maximumNanoseconds: signed), count: 7
    )
    run.bytesReceived = whole
    run.connectionsOpened = whole
    run.clientProcessorSeconds = number
    run.clientThreads = Int(signed)
    run.examples = [LoadSample.example(.timeout)]
    run.examples[0].afterMilliseconds = number
    let watch = Probe.Watch(url: "x", revokedAfterMilliseconds: number, lastGoodAfterMilliseconds: number)
    let probe = Probe(serial: "", acknowledgedAfterMilliseconds: number, watches: [watch])
    var closed = run
    closed.pace = .closedLoop
    var result = LoadSample.result(runs: [run, closed, LoadSample.nothing], probes: [probe])
    result.machine.processors = Int(signed)
    result.machine.memoryBytes = whole
    return result
  }

  @Test("nothing overflows, divides by zero or says nan, and all of it is read back")
  func shown() throws {
    let extremes: [(Double, UInt64)] = [
      (0, 0), (0, .max), (.leastNonzeroMagnitude, 1), (1e-9, .max), (1, 1 << 53), (1e15, 1), (1e18, .max), (1e19, 0),
      (1e300, 1 << 53), (.greatestFiniteMagnitude, .max),
    ]
    for (number, whole) in extremes {
      let result = extreme(number, whole)
      #expect(try LoadResult(json: Array(result.json.utf8), file: "x") == result)
      let itself = LoadComparison(before: result, after: result)
      let other = LoadComparison(before: extreme(1, 1), after: result)
      for text in [result.text, result.html, itself.text, itself.html, other.text, other.html] {
        for bad in ["nan", "NaN", "inf ", "inf<", "infinity", "(inf"] {
          #expect(!text.contains(bad), "\(number), \(whole): \(bad)")
        }
      }
      #expect(WellFormedness.problem(in: result.html) == nil)
    }
  }
}
