/// The small languages of `avouch load`'s options. Nil for anything that is none.
enum LoadWords {
  /// `10s`, `500ms`, `2m`: milliseconds.
  static func milliseconds(_ text: String) -> Int64? {
    for (suffix, factor) in [("ms", 1.0), ("s", 1000), ("m", 60_000), ("h", 3_600_000)] where text.hasSuffix(suffix) {
      guard let number = decimal(text.dropLast(suffix.count)) else { return nil }
      let milliseconds = number * factor
      return milliseconds < 1e12 ? Int64(milliseconds.rounded()) : nil
    }
    return nil
  }

  /// `10%`, `0.5%` or `0`: 0 to 1.
  static func fraction(_ text: String) -> Double? {
    if text == "0" { return 0 }
    guard text.hasSuffix("%"), let number = decimal(text.dropLast()), number <= 100 else { return nil }
    return number / 100
  }

  /// `get`, or `get:70,post:30`: names with their shares, which sum up to 1. No name twice.
  static func shares(_ text: String) -> [(name: String, fraction: Double)]? {
    let entries = text.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.split(separator: ":", omittingEmptySubsequences: false)
    }
    if entries.count == 1, entries[0].count == 1 { return [(String(entries[0][0]), 1)] }
    var shares: [(name: String, fraction: Double)] = []
    for entry in entries {
      guard entry.count == 2, let weight = decimal(entry[1]), weight > 0 else { return nil }
      guard !shares.contains(where: { $0.name == entry[0] }) else { return nil }
      shares.append((String(entry[0]), weight))
    }
    let sum = shares.reduce(0) { $0 + $1.fraction }
    return shares.map { ($0.name, $0.fraction / sum) }
  }

  /// `1000,2000,5000`.
  static func numbers(_ text: String, upTo greatest: Double) -> [Double]? {
    var numbers: [Double] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = decimal(part), number > 0, number <= greatest else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// Digits with one point at most: Double would take more.
  static func decimal(_ text: Substring) -> Double? {
    let octets = text.utf8
    guard octets.first != 0x2E, octets.last != 0x2E, octets.count <= 18,
      octets.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E })
    else { return nil }
    return Double(text)
  }
}
