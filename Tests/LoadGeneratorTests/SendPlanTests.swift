import Testing

@testable import LoadGenerator

@Suite("The plan of an open loop")
struct SendPlanTests {
  @Test(
    "has as many sends as rate and time say, the first at once, none at the end",
    arguments: [0.5, 1, 3, 999, 1000, 33_333.3])
  func counts(rate: Double) {
    for nanoseconds in [0, 1, 1_000_000_000, 2_000_000_001, 10_000_000_000] as [Int64] {
      let plan = SendPlan(requestsPerSecond: rate, nanoseconds: nanoseconds)
      guard nanoseconds > 0 else {
        #expect(plan.count == 0)
        continue
      }
      #expect(plan.time(0) == 0)
      #expect(plan.time(plan.count - 1) < nanoseconds)
      #expect(plan.time(plan.count) >= nanoseconds - 1)
    }
  }

  @Test("times grow evenly, and stay exact after an hour")
  func times() {
    let plan = SendPlan(requestsPerSecond: 1_000_000, nanoseconds: 3_600_000_000_000)
    #expect(plan.count == 3_600_000_000)
    #expect(plan.time(3_599_999_999) == 3_599_999_999_000)
    #expect(plan.time(1) - plan.time(0) == 1000)
  }

  @Test("the number before a time is the one whose times are before it", arguments: [1.7, 250, 12_345.6])
  func before(rate: Double) {
    let plan = SendPlan(requestsPerSecond: rate, nanoseconds: 7_000_000_000)
    for nanoseconds in stride(from: -1, through: 7_100_000_000, by: 7_654_321) as StrideThrough<Int64> {
      let number = plan.count(before: nanoseconds)
      #expect(number == 0 || plan.time(number - 1) < nanoseconds)
      #expect(number == plan.count || plan.time(number) >= nanoseconds)
    }
    #expect(plan.count(before: plan.time(5)) == 5)
  }

  @Test("threads share all of a plan and nothing twice")
  func shares() {
    for threads in 1...7 {
      for total in [0, 1, 6, 7, 8, 1000] as [UInt64] {
        let shares = (0..<threads).map { SendPlan.share(of: total, thread: $0, threads: threads) }
        #expect(shares.reduce(0, +) == total)
        for thread in 0..<threads {
          let numbers = (0..<total).filter { $0 % UInt64(threads) == UInt64(thread) }
          #expect(UInt64(numbers.count) == shares[thread])
        }
      }
    }
  }
}
