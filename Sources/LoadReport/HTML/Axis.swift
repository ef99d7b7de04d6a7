/// One axis of a chart: what it says, where it begins and ends, and where its ticks are.
struct Axis {
  enum Scale {
    case linear
    /// Values below `leastLogarithmic` lie at that.
    case logarithmic
    /// Shares from 0 to less than 1: each further nine takes as much room as the one before.
    case nines
  }

  struct Tick: Equatable {
    var value: Double
    var text: String
  }

  static let leastLogarithmic = 1e-3
  /// Of a logarithmic axis with three ticks in each.
  private static let mostDecadesInSteps = 3.1

  var label: String
  var scale: Scale
  var ticks: [Tick]
  private var low: Double
  private var high: Double

  /// Where a value lies: 0 at the begin to 1 at the end; what is beyond an end lies there.
  func position(of value: Double) -> Double {
    let scaled = Axis.scaled(value, scale)
    guard scaled.isFinite, high > low else { return 0 }
    return min(1, max(0, (scaled - low) / (high - low)))
  }

  private static func scaled(_ value: Double, _ scale: Scale) -> Double {
    switch scale {
    case .linear: value
    case .logarithmic: Logarithm.decimal(max(value, leastLogarithmic))
    case .nines: value < 1 ? -Logarithm.decimal(1 - max(0, value)) : 20
    }
  }

  /// From 0 to the first round number that is not below `greatest`.
  ///
  /// - Parameter isTight: the axis ends at `greatest` itself.
  static func linear(_ label: String, upTo greatest: Double, unit: String = "", isTight: Bool = false) -> Axis {
    let greatest = greatest.isFinite && greatest > 0 ? min(max(greatest, 1e-6), 1e15) : 1
    let raw = greatest / 6
    let exponent = Int(Logarithm.decimal(raw).rounded(.down))
    let unitStep = exponent < 0 ? 1 / Figures.power(of: 10, -exponent) : Figures.power(of: 10, exponent)
    let mantissa = [1.0, 2, 5].first { $0 * unitStep >= raw * 0.999_999 } ?? 10
    let step = mantissa * unitStep
    let places = max(0, mantissa == 10 ? -exponent - 1 : -exponent)
    // A hair is forgiven for what is lost in binary.
    let number = Int(isTight ? (greatest / step + 1e-9).rounded(.down) : (greatest / step - 1e-9).rounded(.up))
    let ticks = (0...number).map { index in
      Tick(value: Double(index) * step, text: Figures.fixed(Double(index) * step, places: places) + unit)
    }
    return Axis(label: label, scale: .linear, ticks: ticks, low: 0, high: isTight ? greatest : Double(number) * step)
  }

  /// From one of 1, 2 and 5 times a power of ten to another, with ticks at them all, or at the powers alone where these
  /// would be too many.
  ///
  /// - Parameter text: of a tick.
  static func logarithmic(
    _ label: String, from least: Double, upTo greatest: Double, text: (Double) -> String
  ) -> Axis {
    let least = least.isFinite ? min(max(least, leastLogarithmic), 1e15) : 1
    let greatest = greatest.isFinite ? min(max(greatest, least), 1e15) : least
    let (first, last) = (Logarithm.decimal(least), Logarithm.decimal(greatest))
    var steps: [(value: Double, isPower: Bool)] = []
    for exponent in Int(first.rounded(.down)) - 1...Int(last.rounded(.up)) + 1 {
      let power = exponent < 0 ? 1 / Figures.power(of: 10, -exponent) : Figures.power(of: 10, exponent)
      steps += [1.0, 2, 5].map { ($0 * power, $0 == 1) }
    }
    // A hair of room for what powers of ten lose in binary.
    let begin = steps.lastIndex { $0.value <= least * 1.000_001 } ?? 0
    let end = steps.firstIndex { $0.value >= greatest * 0.999_999 && $0.value > steps[begin].value } ?? steps.count - 1
    let shown = steps[begin...end].filter { last - first <= mostDecadesInSteps || $0.isPower }
    return Axis(
      label: label, scale: .logarithmic, ticks: shown.map { Tick(value: $0.value, text: text($0.value)) },
      low: scaled(steps[begin].value, .logarithmic), high: scaled(steps[end].value, .logarithmic))
  }

  /// A logarithmic axis of latencies in nanoseconds.
  static func latency(_ label: String, of nanoseconds: [Double]) -> Axis {
    // Below a nanosecond nothing was measured.
    logarithmic(
      label + " (logarithmic)", from: max(1, nanoseconds.min() ?? 1), upTo: max(1, nanoseconds.max() ?? 1)
    ) { Figures.roundDuration(nanoseconds: $0) }
  }

  /// - Parameter count: how many values the shares are of: the axis ends a little beyond the last but one.
  static func nines(_ label: String, count: UInt64) -> Axis {
    let high = max(1, Logarithm.decimal(2 * Double(max(1, count))))
    var ticks = [Tick(value: 0, text: "0 %")]
    if high <= 4 { ticks.append(Tick(value: 0.5, text: "50 %")) }
    var text = "90"
    for nines in 1...20 where Double(nines) <= high {
      ticks.append(Tick(value: 1 - 1 / Figures.power(of: 10, nines), text: text + " %"))
      text = nines == 1 ? "99" : nines == 2 ? "99.9" : text + "9"
    }
    return Axis(label: label, scale: .nines, ticks: ticks, low: 0, high: high)
  }
}

extension Figures {
  /// A latency that is a round number of its unit: `200 µs`.
  static func roundDuration(nanoseconds: Double) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")]
    let (size, name) = units.first { nanoseconds >= $0.0 * 0.999_999 } ?? (1, "ns")
    return fixed(nanoseconds / size, places: 0) + " " + name
  }

  /// A rate or another amount that is a round number: whole ones without a point.
  static func roundAmount(_ value: Double) -> String {
    value == value.rounded() ? fixed(value, places: 0) : amount(value)
  }
}
