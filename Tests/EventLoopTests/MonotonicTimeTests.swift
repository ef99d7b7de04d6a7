import EventLoop
import Testing

@Suite("Monotonic time")
struct MonotonicTimeTests {
  @Test("the clock does not go back")
  func order() {
    var last = MonotonicTime.now()
    for _ in 0..<10_000 {
      let next = MonotonicTime.now()
      #expect(next >= last)
      last = next
    }
  }

  @Test("milliseconds are a million nanoseconds, and far away is the end rather than a trap")
  func advancing() {
    let time = MonotonicTime(nanoseconds: 5_000_000)
    #expect(time.advanced(byMilliseconds: 2).nanoseconds == 7_000_000)
    #expect(time.advanced(byMilliseconds: -2).nanoseconds == 3_000_000)
    #expect(time.advanced(byMilliseconds: 0) == time && time < time.advanced(byMilliseconds: 1))
    #expect(time.advanced(byMilliseconds: .max).nanoseconds == .max)
    #expect(time.advanced(byMilliseconds: .max / 1_000_000).nanoseconds == .max)
    #expect(time.advanced(byMilliseconds: .min).nanoseconds == .min)
  }
}
