/// One key of the configuration: what it may hold and what it is when nobody says.
public struct Setting: Sendable {
  /// What a value may be. Durations are seconds, sizes octets.
  public enum Kind: Sendable {
    case text
    case integer(ClosedRange<Int>)
    case boolean
    /// `90s`, `15m`, `8h`, `3d`; `word` is one more value it may have, as `forever`.
    case duration(ClosedRange<Int>, words: [String])
    /// `100ms`, `2s`; milliseconds.
    case milliseconds(ClosedRange<Int>)
    /// `8KiB`, `256MiB`, `1GiB`, or a number of octets.
    case size(ClosedRange<Int>)
    case choice([String])
    case texts
    /// One text, divided by no comma but one that a PKCS#11 URI follows, or a list of them.
    case oneOrMoreTexts
    case choices([String])
  }

  /// Where it stands: `limits.headTimeout`, `issuers[].signer.key`.
  public var path: String
  public var kind: Kind
  /// As it would be written; nil for a key that may be left out and then means nothing.
  public var standard: String?
  /// Whether it has to be there.
  public var isRequired: Bool
  /// Whether it may be left out where `role` is `edge`.
  public var exceptAtEdges: Bool
  /// One sentence for the documentation.
  public var summary: String

  init(_ path: String, _ kind: Kind, _ standard: String, _ summary: String) {
    self.init(
      path: path, kind: kind, standard: standard, isRequired: false, exceptAtEdges: false, summary: summary)
  }

  init(_ path: String, _ kind: Kind, isRequired: Bool = false, exceptAtEdges: Bool = false, _ summary: String) {
    self.init(
      path: path, kind: kind, standard: nil, isRequired: isRequired, exceptAtEdges: exceptAtEdges, summary: summary)
  }

  private init(
    path: String, kind: Kind, standard: String?, isRequired: Bool, exceptAtEdges: Bool, summary: String
  ) {
    self.path = path
    self.kind = kind
    self.standard = standard
    self.isRequired = isRequired
    self.exceptAtEdges = exceptAtEdges
    self.summary = summary
  }

  /// What it may hold, for messages and documentation.
  public var expectation: String {
    switch kind {
    case .text: "a text"
    case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .boolean: "true or false"
    case .duration(let range, let words):
      "a duration from \(Duration.text(range.lowerBound)) to \(Duration.text(range.upperBound)), as 90s, 15m, 8h or 3d"
        + words.map { ", or \"\($0)\"" }.joined()
    case .milliseconds(let range):
      "a duration from \(Milliseconds.text(range.lowerBound)) to \(Milliseconds.text(range.upperBound)), as 100ms or 2s"
    case .size(let range):
      "a size from \(Size.text(range.lowerBound)) to \(Size.text(range.upperBound)), as 8KiB, 256MiB or 1GiB"
    case .choice(let names): "one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
    case .texts: "a list of texts"
    case .oneOrMoreTexts: "a text or a list of texts"
    case .choices(let names): "a list of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
    }
  }
}

/// Durations as the configuration writes them.
enum Duration {
  private static let units: [(letter: Character, seconds: Int)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]

  /// Seconds; nil for anything but a whole number and a unit.
  static func seconds(_ text: String) -> Int? {
    guard let unit = units.first(where: { $0.letter == text.last }), let number = WholeNumber.parse(text.dropLast())
    else { return nil }
    let (seconds, isTooLarge) = number.multipliedReportingOverflow(by: unit.seconds)
    return isTooLarge ? nil : seconds
  }

  static func text(_ seconds: Int) -> String {
    for unit in units where seconds % unit.seconds == 0 && seconds >= unit.seconds {
      return "\(seconds / unit.seconds)\(unit.letter)"
    }
    return "\(seconds)s"
  }
}

/// Short durations as the configuration writes them.
enum Milliseconds {
  /// Milliseconds; nil for anything but a whole number with `ms` or `s`.
  static func count(_ text: String) -> Int? {
    if text.hasSuffix("ms") { return WholeNumber.parse(text.dropLast(2)) }
    guard text.hasSuffix("s"), let number = WholeNumber.parse(text.dropLast()) else { return nil }
    let (milliseconds, isTooLarge) = number.multipliedReportingOverflow(by: 1000)
    return isTooLarge ? nil : milliseconds
  }

  static func text(_ milliseconds: Int) -> String {
    milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
  }
}

/// Sizes as the configuration writes them.
enum Size {
  private static let units: [(name: String, octets: Int)] = [
    ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
  ]

  /// Octets; nil for anything but a whole number and a unit, or none.
  static func octets(_ text: String) -> Int? {
    if let plain = WholeNumber.parse(text[...]) { return plain }
    guard let unit = units.first(where: { text.hasSuffix($0.name) }),
      let number = WholeNumber.parse(text.dropLast(unit.name.count))
    else { return nil }
    let (octets, isTooLarge) = number.multipliedReportingOverflow(by: unit.octets)
    return isTooLarge ? nil : octets
  }

  static func text(_ octets: Int) -> String {
    for unit in units where octets % unit.octets == 0 && octets >= unit.octets {
      return "\(octets / unit.octets)\(unit.name)"
    }
    return "\(octets)"
  }
}

/// Numbers inside texts.
enum WholeNumber {
  /// Nil for anything but digits: `Int` would take a sign too, which the schema does not.
  static func parse(_ text: Substring) -> Int? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
  }
}
