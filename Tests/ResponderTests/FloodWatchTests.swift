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

  @Test("a flood that is over is over, however the questions come from then on")
  func over() {
    var schedule = schedule()
    _ = run(&schedule, milliseconds: 0..<300) { _ in 2 }
    // Heaps of what is signed in two thirds of the time.
    let seen = run(&schedule, milliseconds: 300..<3000) { ($0 - 300).isMultiple(of: 90) ? 60 : 0 }
    #expect(seen[1000...].allSatisfy { $0.refused == 0 })
  }

  @Test("in a flood that comes in heaps nearly all is signed that can be")
  func heaps() {
    // No heap is larger than what one issuer may have in line at all.
    for (heap, every) in [(75, 60), (75, 40), (60, 50), (40, 20), (30, 20)] {
      var schedule = schedule()
      let seen = run(&schedule, milliseconds: 0..<10_000) { $0.isMultiple(of: every) ? heap : 0 }
      let signed = seen[1000...].count { $0.waited != nil }
      #expect(signed > 7800, "of 9000, \(heap) every \(every) ms")
    }
  }

  @Test("a place that stood still for a while is no flood for long")
  func pause() {
    var schedule = schedule()
    for time in 0..<200 { _ = schedule.push(order(time), now: Int64(time) * FloodWatchTests.millisecond) }
    let seen = run(&schedule, milliseconds: 200..<3000) { $0.isMultiple(of: 50) ? 40 : 0 }
    #expect(seen[1000...].allSatisfy { $0.refused == 0 })
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

  @Test("much to do is no flood: of what comes at nine tenths of the speed, by chance, hardly anything is refused")
  func busy() {
    var schedule = schedule()
    var random = SeededGenerator(seed: 7)
    // As good as a Poisson process: each of twenty parts of a millisecond has one by chance.
    let seen = run(&schedule, milliseconds: 0..<20_000) { _ in
      (0..<20).count { _ in Double.random(in: 0..<1, using: &random) < 0.045 }
    }
    let refused = seen.map(\.refused).reduce(0, +)
    #expect(refused < 40, "of about 18,000: \(refused)")
  }
}
