/// Numbers that look random and are the same each time (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A latency of any size: each power of two below 2^40 ns is as likely as any other.
  mutating func nextLatency() -> Int64 {
    let bits = Int64.random(in: 0...39, using: &self)
    return Int64.random(in: 0..<(Int64(1) << bits), using: &self)
  }

  /// A latency as servers have it: most near `typical`, a few far above.
  mutating func nextLatency(typical: Int64) -> Int64 {
    let usual = Double(typical) * (0.7 + 0.3 * Double.random(in: 0...1, using: &self))
    // The square of a number near 0, divided by: a long tail.
    let rare = Double.random(in: 0.02...1, using: &self)
    return Int64(usual + 0.05 * Double(typical) / (rare * rare))
  }
}
