import CalendarTime
import OCSP
import TestSupport
import Testing

@testable import Responder

@Suite("Flood watch")
struct FloodWatchTests {
  private typealias Schedule = SigningSchedule<Int>

  private static let millisecond: Int64 = 1_000_000

  /// A line of 100 ms at most, in a place that signs one question a millisecond.
  private func schedule(pace: Double = 1000) -> Schedule {
    var schedule = Schedule(revocationLimit: 100, missLimit: 10_000, renewalLimit: 10, longestMissWait: 0.1)
    _ = schedule.configure(placesOfIssuers: [[0], [0]], renewalsPerSecond: [nil])
    schedule.setPaces([pace])
    return schedule
  }

  private func order(_ number: Int, _ issuer: UInt16 = 0, _ lane: Schedule.Lane = .miss) -> Schedule.Order {
    Schedule.Order(number, issuer: IssuerIndex(issuer), lane: lane)
  }

  /// Has `perMillisecond` questions come and one signed each millisecond. Gives what those that are signed in a
  /// millisecond have waited, in milliseconds, and how many were refused in it.
  private func run(
    _ schedule: inout Schedule, milliseconds: Range<Int>, perMillisecond: (Int) -> Int
  ) -> [(waited: Int?, refused: Int)] {
    milliseconds.map { time in
      let now = Int64(time) * FloodWatchTests.millisecond
      let refused = (0..<perMillisecond(time)).count { _ in !schedule.push(order(time), now: now) }
      guard case .order(let next) = schedule.pop(place: 0, now: now) else { return (nil, refused) }
      return (time - next.job, refused)
    }
  }

  @Test("in a flood who is let in waits a little longer than the flood's bound, and the place never idles")
  func flood() {
    var schedule = schedule()
    let seen = run(&schedule, milliseconds: 0..<2000) { _ in 2 }
    #expect(seen[..<50].allSatisfy { $0.refused == 0 }, "a burst may wait")
    let longest = seen[500...].compactMap(\.waited).max() ?? 0
    #expect(longest <= FloodWatch.leastInLine, "milliseconds")
    #expect(seen[1...].allSatisfy { $0.waited != nil }, "there is always something to sign")
    let refused = seen[1000...].map(\.refused).reduce(0, +)
    #expect((950...1050).contains(refused), "half of what comes is refused: \(refused)")
    // Once it is over nobody is refused any more, and a burst may wait again.
    let after = run(&schedule, milliseconds: 2000..<2400) { _ in 0 }
    #expect(after.last?.waited == nil)
    let burst = run(&schedule, milliseconds: 2400..<2600) { $0 == 2400 ? 60 : 0 }
    #expect(burst.allSatisfy { $0.refused == 0 })
  }

  @Test("a line that empties for a moment is still a flood while somebody had to be refused lately")
  func hysteresis() {
    var watch = FloodWatch(burst: 1000, since: 0)
    for _ in 0..<2002 { watch.tookOne() }
    var isRefused = watch.refuses(inLine: 500, now: 1000)
    #expect(!isRefused, "it has stood for no longer than a burst may take")
    isRefused = watch.refuses(inLine: 40, now: 1001)
    #expect(isRefused, "two are taken out in a nanosecond, which makes 40")
    isRefused = watch.refuses(inLine: 39, now: 1002)
    #expect(!isRefused)
    watch.lineBegins(1500)
    isRefused = watch.refuses(inLine: 40, now: 2000)
    #expect(isRefused)
    watch.lineBegins(2500)
    isRefused = watch.refuses(inLine: 40, now: 3000)
    #expect(!isRefused, "nobody was refused for so long")
    isRefused = watch.refuses(inLine: FloodWatch.leastInLine, now: 3501)
    #expect(isRefused, "and yet the line stands again; nothing was taken out of it")
  }

  @Test("a flood at one issuer refuses no question of another, and no revocation")
  func others() {
    var schedule = schedule()
    _ = run(&schedule, milliseconds: 0..<1000) { _ in 2 }
    let now = 1000 * FloodWatchTests.millisecond
    let isRefused = (0..<10).contains { _ in !schedule.push(order(1000), now: now) }
    #expect(isRefused)
    var isTaken = schedule.push(order(1000, 1), now: now)
    #expect(isTaken)
    isTaken = schedule.push(order(1000, 0, .revocation), now: now)
    #expect(isTaken)
  }

  @Test("much to do is no flood: what comes at nine tenths of the speed, by chance, is not refused")
  func busy() {
    var schedule = schedule()
    var random = SeededGenerator(seed: 7)
    // As good as a Poisson process: each of twenty parts of a millisecond has one by chance.
    let seen = run(&schedule, milliseconds: 0..<20_000) { _ in
      (0..<20).count { _ in Double.random(in: 0..<1, using: &random) < 0.045 }
    }
    let refused = seen.map(\.refused).reduce(0, +)
    #expect(refused < 400, "of about 18,000: \(refused)")
  }
}
