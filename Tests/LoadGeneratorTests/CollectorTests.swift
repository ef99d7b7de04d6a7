import LoadReport
import Testing

@testable import LoadGenerator

@Suite("The seconds of a load")
struct CollectorTests {
  private func slice(_ latencies: [Int64], failed: UInt64 = 0) -> Tally.Slice {
    var slice = Tally.Slice()
    for latency in latencies { slice.latency.record(nanoseconds: latency) }
    slice.failed = failed
    return slice
  }

  @Test("have what all threads have handed over for them, late threads included, and nothing is lost")
  func seconds() {
    let collector = Collector(seconds: 8)
    for second in 0..<8 {
      collector.add(slice([100, 200]), second: second)
      collector.add(slice([], failed: 1), second: second)
    }
    // A thread that was held up, and answers that came behind the end.
    collector.add(slice([5000]), second: 1)
    collector.add(slice([7000]), second: 12)
    let seconds = collector.seconds(count: 8)
    #expect(seconds.count == 8)
    #expect(seconds.map(\.answered).reduce(0, +) == 18)
    #expect(seconds.map(\.failed) == Array(repeating: 1, count: 8))
    #expect(seconds[7].maximumNanoseconds == 7000)
    #expect(seconds[0].maximumNanoseconds == 200)
  }

  @Test("are as many as the run had, though nothing may have happened in some")
  func quiet() {
    let collector = Collector(seconds: 10)
    collector.add(slice([100]), second: 2)
    #expect(collector.seconds(count: 5).map(\.answered) == [0, 0, 1, 0, 0])
    #expect(Collector(seconds: 10).seconds(count: 3).count == 3)
  }

  @Test("show the last whole one while the load runs")
  func progress() {
    let collector = Collector(seconds: 10)
    collector.add(slice([100, 300]), second: 0)
    collector.add(slice([900], failed: 2), second: 1)
    let progress = collector.progress(elapsedSeconds: 1.4, measuredSeconds: 10)
    #expect(progress.answered == 3 && progress.failed == 2)
    #expect(progress.lastSecond == 2 && progress.p99Nanoseconds == 300)
  }
}
