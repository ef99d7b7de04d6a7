/// Logarithms for axes: the standard library has none without a C library.
enum Logarithm {
  /// log10(2).
  private static let decadesPerOctave = 0.301029995663981195

  /// The decimal logarithm, exact to more digits than any chart has points.
  ///
  /// - Parameter value: more than 0, and finite.
  static func decimal(_ value: Double) -> Double {
    // value = significand * 2^exponent with 1 <= significand < 2, and ln s = 2 artanh((s - 1) / (s + 1)), where the
    // argument is at most 1/3: each term of the series adds a digit.
    let significand = value.significand
    let argument = (significand - 1) / (significand + 1)
    let square = argument * argument
    var (power, sum) = (argument, 0.0)
    for odd in stride(from: 1.0, through: 33, by: 2) {
      sum += power / odd
      power *= square
    }
    // 1 / ln(10), twice.
    return Double(value.exponent) * decadesPerOctave + sum * 0.868588963806503655
  }
}
