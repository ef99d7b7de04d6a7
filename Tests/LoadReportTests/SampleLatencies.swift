import TestSupport

extension SeededGenerator {
  /// A latency of any size: each power of two below 2^40 ns is as likely as any other.
  mutating func nextLatency() -> Int64 {
    let bits = Int64.random(in: 0...39, using: &self)
    return Int64.random(in: 0..<(Int64(1) << bits), using: &self)
  }

  /// A latency as servers have it: most near `typical`, a few far above.
  mutating func nextLatency(typical: Int64) -> Int64 {
    let usual = Double(typical) * (0.7 + 0.3 * Double.random(in: 0...1, using: &self))
    // A share of the divisor lies near 0: a long tail.
    let rare = Double.random(in: 0.02...1, using: &self)
    return Int64(usual + 0.05 * Double(typical) / (rare * rare))
  }
}
