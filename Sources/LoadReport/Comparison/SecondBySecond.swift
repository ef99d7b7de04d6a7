/// The ratio of two runs in something that both have for each second, with how far noise may have moved it.
///
/// The method: the mean over the seconds of each run, and the ratio of the means. A mean of n values that scatter by s is
/// off by about s / √n. Seconds that follow each other resemble each other, so n counts for less: for n (1 - r) / (1 + r),
/// where r is the correlation of each second with the next. From the errors of both means follows that of the ratio, and from
/// Student's distribution the range that holds the true one 95 times of 100. What differs from one run to the next (where
/// memory landed, what a neighbour did) cannot be seen within two runs and is not in the range.
struct SecondBySecond: Equatable {
  /// Fewer seconds say nothing about noise.
  static let leastSeconds = 5
  /// What nobody should care about, however quiet it was.
  static let leastDifference = 0.01

  enum Verdict: Equatable {
    case more
    case less
    /// Within the noise, or too small to matter.
    case same
  }

  /// After over before.
  var ratio: Double
  var range: ClosedRange<Double>

  var verdict: Verdict {
    if range.contains(1) || abs(ratio - 1) < SecondBySecond.leastDifference { return .same }
    return ratio > 1 ? .more : .less
  }

  /// Nil where either has too few values, or a mean of 0.
  ///
  /// - Parameters: values of seconds that follow each other.
  init?(before: [Double], after: [Double]) {
    guard let first = MeanWithError(before), let second = MeanWithError(after) else { return nil }
    guard first.mean > 0, second.mean > 0 else { return nil }
    ratio = second.mean / first.mean
    // Relative errors of a quotient add in squares.
    let (one, other) = (first.error / first.mean, second.error / second.mean)
    let variance = one * one + other * other
    let freedom =
      variance > 0
      ? variance * variance
        / (one * one * one * one / (first.effectiveCount - 1) + other * other * other * other
          / (second.effectiveCount - 1))
      : .infinity
    let room = SecondBySecond.studentFactor(degreesOfFreedom: freedom) * variance.squareRoot()
    range = max(0, ratio * (1 - room))...ratio * (1 + room)
  }

  /// Quantiles 0.975 of Student's distribution: of the greatest tabled number of degrees that is not above.
  private static func studentFactor(degreesOfFreedom: Double) -> Double {
    let table: [(degrees: Double, factor: Double)] = [
      (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365), (8, 2.306), (9, 2.262),
      (10, 2.228), (12, 2.179), (15, 2.131), (20, 2.086), (30, 2.042), (60, 2.000), (120, 1.980),
    ]
    return table.last { $0.degrees <= degreesOfFreedom }?.factor ?? 12.706
  }
}

/// The mean of values in a row, and how far off it may be.
private struct MeanWithError {
  var mean: Double
  /// The standard error.
  var error: Double
  /// As many independent values would say as much.
  var effectiveCount: Double

  init?(_ values: [Double]) {
    guard values.count >= SecondBySecond.leastSeconds else { return nil }
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let products = zip(values, values.dropFirst()).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - mean) }
    // Only a resemblance makes the error greater; a contrast between neighbours may be chance.
    let correlation = squares > 0 ? min(0.95, max(0, products / squares)) : 0
    effectiveCount = max(2, count * (1 - correlation) / (1 + correlation))
    error = (squares / (count - 1) / effectiveCount).squareRoot()
    self.mean = mean
    guard mean.isFinite, error.isFinite else { return nil }
  }
}
