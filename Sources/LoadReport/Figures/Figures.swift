/// Numbers as people read them: without Foundation, and safe for any value that a file may hold.
public enum Figures {
  /// Beyond it a Double is shown as it is.
  private static let greatestFixed = 1e15

  /// `1234.50`: so many places behind the point, 15 at the most, rounded. `-` for what is no finite number.
  static func fixed(_ value: Double, places: Int) -> String {
    guard value.isFinite else { return "-" }
    let scale = power(of: 10, min(places, 15))
    let scaled = (abs(value) * scale).rounded()
    guard scaled < greatestFixed else { return "\(value)" }
    let whole = UInt64(scaled)
    let sign = value < 0 && whole > 0 ? "-" : ""
    guard places > 0 else { return sign + grouped(whole) }
    let fraction = String(whole % UInt64(scale))
    return sign + grouped(whole / UInt64(scale)) + "." + String(repeating: "0", count: min(places, 15) - fraction.count)
      + fraction
  }

  /// `12,345`; up to 9999 without commas.
  public static func grouped(_ value: UInt64) -> String {
    let digits = String(value)
    guard digits.utf8.count > 4 else { return digits }
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.utf8.count - index).isMultiple(of: 3) { result += "," }
      result.append(digit)
    }
    return result
  }

  /// A rate or another amount: whole from 100 on, else with three significant digits at the most.
  public static func amount(_ value: Double) -> String {
    switch abs(value) {
    case 100...: fixed(value, places: 0)
    case 10...: fixed(value, places: 1)
    case 0: "0"
    default: fixed(value, places: 2)
    }
  }

  /// A latency with three significant digits in the unit that fits: `812 ns`, `12.3 µs`, `4.56 ms`, `1.20 s`, `754 s`.
  static func duration(nanoseconds: Double) -> String {
    guard nanoseconds.isFinite else { return "-" }
    // Half a step below each power of a thousand, so that 999.7 µs becomes 1.00 ms and not 1000 µs.
    switch abs(nanoseconds) {
    case ..<999.5: return fixed(nanoseconds, places: 0) + " ns"
    case ..<999_500: return significant(nanoseconds / 1e3) + " µs"
    case ..<999_500_000: return significant(nanoseconds / 1e6) + " ms"
    default: return significant(nanoseconds / 1e9) + " s"
    }
  }

  public static func duration(nanoseconds: Int64) -> String { duration(nanoseconds: Double(nanoseconds)) }

  static func duration(milliseconds: Double) -> String { duration(nanoseconds: milliseconds * 1e6) }

  /// `97.9 %`; a share that is there and too small to be seen is `< 0.1 %`.
  public static func percent(_ share: Double) -> String {
    share > 0 && share < 0.0005 ? "< 0.1 %" : fixed(share * 100, places: 1) + " %"
  }

  /// The share that a part is of a whole: 0 of nothing.
  static func share(of part: UInt64, in whole: UInt64) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }

  /// `7.8 GiB`.
  static func bytes(_ bytes: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1023.5, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    return (unit == 0 ? grouped(bytes) : significant(value)) + " " + units[unit]
  }

  /// `1 request`, `2 requests`.
  ///
  /// - Parameter many: the plural, which ends in s.
  static func count(_ count: UInt64, _ many: String) -> String {
    grouped(count) + " " + (count == 1 ? String(many.dropLast()) : many)
  }

  static func count(_ number: Int, _ many: String) -> String { count(UInt64(clamping: number), many) }

  /// Three significant digits of a value below a thousand, more of a greater one.
  private static func significant(_ value: Double) -> String {
    switch abs(value) {
    case 99.95...: fixed(value, places: 0)
    case 9.995...: fixed(value, places: 1)
    default: fixed(value, places: 2)
    }
  }

  /// - Parameter exponent: from 0 on.
  static func power(of base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { power, _ in power * base }
  }
}
