/// Pauses between attempts: each up to twice the last one, and shortened by chance, so that many clients do not come
/// together.
///
/// Pure: chance comes in.
public struct Backoff: Sendable {
  public let firstMilliseconds: Int
  public let longestMilliseconds: Int
  private var failures = 0

  public init(firstMilliseconds: Int, longestMilliseconds: Int) {
    self.firstMilliseconds = max(1, firstMilliseconds)
    self.longestMilliseconds = max(self.firstMilliseconds, longestMilliseconds)
  }

  /// The pause before the next attempt, from half of its full length to all of it.
  public mutating func next(using generator: inout some RandomNumberGenerator) -> Int {
    // 2^32 times any first pause is beyond the longest one, or the longest is absurd.
    let doubled = firstMilliseconds.multipliedReportingOverflow(by: 1 << min(failures, 32))
    let full = doubled.overflow ? longestMilliseconds : min(longestMilliseconds, doubled.partialValue)
    failures += 1
    return Int.random(in: (full - full / 2)...full, using: &generator)
  }

  public mutating func reset() {
    failures = 0
  }
}
