/// Pauses between attempts: each up to twice the last one, and shortened by chance, so that many clients do not come
/// together.
///
/// Pure: chance comes in.
struct Backoff: Sendable {
  let firstMilliseconds: Int
  let longestMilliseconds: Int
  private var failures = 0

  init(firstMilliseconds: Int, longestMilliseconds: Int) {
    self.firstMilliseconds = max(1, firstMilliseconds)
    self.longestMilliseconds = max(self.firstMilliseconds, longestMilliseconds)
  }

  /// The pause before the next attempt, from half of its full length to all of it.
  mutating func next(using generator: inout some RandomNumberGenerator) -> Int {
    // 2^32 times any first pause is beyond the longest one, or the longest is absurd.
    let doubled = firstMilliseconds.multipliedReportingOverflow(by: 1 << min(failures, 32))
    let full = doubled.overflow ? longestMilliseconds : min(longestMilliseconds, doubled.partialValue)
    failures += 1
    return Int.random(in: (full - full / 2)...full, using: &generator)
  }

  mutating func reset() {
    failures = 0
  }
}
