import Glibc

/// Ranks 1 to n where rank k is drawn with a probability proportional to k^-s: a few certificates are asked about all the
/// time, most hardly ever.
///
/// By rejection-inversion (W. Hörmann, G. Derflinger: Rejection-inversion to generate variates from monotone discrete
/// distributions, 1996): no table, and about as quick for ten million ranks as for ten. H is an integral of x^-s; a point under
/// it is turned back into an x, and taken where it lies under the histogram of the ranks, as nearly all do.
struct ZipfRanks: Sendable {
  let count: Int
  let exponent: Double
  private let integralAtFirst: Double
  private let integralAtLast: Double
  /// Where x is no further above its rank than this, it is under the histogram for certain.
  private let certain: Double

  /// - Parameters:
  ///   - count: of ranks, at least 1.
  ///   - exponent: above 0, at most `maximumExponent`.
  init(count: Int, exponent: Double) {
    precondition(count >= 1 && exponent > 0 && exponent <= ZipfRanks.maximumExponent)
    self.count = count
    self.exponent = exponent
    integralAtFirst = ZipfRanks.integral(1.5, exponent) - 1
    integralAtLast = ZipfRanks.integral(Double(count) + 0.5, exponent)
    certain = 2 - ZipfRanks.inverse(ZipfRanks.integral(2.5, exponent) - pow(2, -exponent), exponent)
  }

  static let maximumExponent = 10.0

  /// A rank from 1 to `count`.
  func draw(_ numbers: inout SplitMix) -> Int {
    while true {
      let height = integralAtLast + numbers.nextUnit() * (integralAtFirst - integralAtLast)
      let x = ZipfRanks.inverse(height, exponent)
      let rank = min(max(x.rounded(), 1), Double(count))
      if rank - x <= certain || height >= ZipfRanks.integral(rank + 0.5, exponent) - pow(rank, -exponent) {
        return Int(rank)
      }
    }
  }

  /// (x^(1-s) - 1) / (1-s), which is ln x for s = 1; written so that it is exact near there too.
  private static func integral(_ x: Double, _ exponent: Double) -> Double {
    let logarithm = log(x)
    let product = (1 - exponent) * logarithm
    return abs(product) > 1e-8 ? expm1(product) / (1 - exponent) : logarithm * (1 + product / 2)
  }

  private static func inverse(_ height: Double, _ exponent: Double) -> Double {
    // Below -1 only by rounding.
    let product = max(height * (1 - exponent), -1)
    return abs(product) > 1e-8 ? exp(log1p(product) / (1 - exponent)) : exp(height * (1 - product / 2))
  }
}
