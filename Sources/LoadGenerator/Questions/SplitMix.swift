/// Random numbers of one seed, the same in every run and on every machine (SplitMix64).
///
/// One generator for each request, made from the seed of the load and the number of the request: what a request asks does
/// not depend on which thread sends it, or when.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// The numbers that belong to request `number` of a load.
  init(seed: UInt64, number: UInt64) {
    var first = SplitMix(seed: seed)
    state = first.next() ^ (number &* 0xD6E8_FEB8_6659_FD93)
    state = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  /// From 0 up to, and never, `bound`. What numbers near the end of 64 bits make uneven is less than one in 2^32.
  mutating func next(below bound: UInt64) -> UInt64 {
    next().multipliedFullWidth(by: bound).high
  }

  /// From 0 up to, and never, 1: 53 bits.
  mutating func nextUnit() -> Double {
    Double(next() >> 11) * 0x1p-53
  }
}
