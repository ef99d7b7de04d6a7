/// Metrics as Prometheus reads them (text exposition format 0.0.4). Made anew for each scrape.
///
/// Names and help are constants of the program: debug builds stop at a name that the format forbids or that is added
/// twice.
public struct ExpositionText: ~Copyable {
  /// What a metric is.
  public enum Kind: String, Sendable {
    case counter
    case gauge
  }

  public private(set) var text = ""
  private var names: Set<String> = []

  public init() {}

  /// One metric with one value.
  ///
  /// - Parameters:
  ///   - name: letters, digits and underscores; counters end in `_total`.
  ///   - help: one sentence.
  public mutating func add(_ name: String, _ kind: Kind, help: String, _ value: UInt64) {
    addHead(name, kind, help)
    text += "\(name) \(value)\n"
  }

  /// One metric with a value for each label value.
  ///
  /// Labels are of small, fixed sets: names of issuers, kinds of answers. Never a serial number.
  public mutating func add(
    _ name: String, _ kind: Kind, help: String, label: String, _ values: [(labelValue: String, value: UInt64)]
  ) {
    addHead(name, kind, help)
    for (labelValue, value) in values {
      text += "\(name){\(label)=\"\(ExpositionText.escaped(labelValue))\"} \(value)\n"
    }
  }

  /// The same with several labels, which each value has one value of.
  public mutating func add(
    _ name: String, _ kind: Kind, help: String, labels: [String], _ values: [(labelValues: [String], value: UInt64)]
  ) {
    addHead(name, kind, help)
    for (labelValues, value) in values {
      let pairs = zip(labels, labelValues).map { "\($0)=\"\(ExpositionText.escaped($1))\"" }
      text += "\(name){\(pairs.joined(separator: ","))} \(value)\n"
    }
  }

  private mutating func addHead(_ name: String, _ kind: Kind, _ help: String) {
    assert(ExpositionText.isName(name), "'\(name)' is no name of a metric")
    assert(names.insert(name).inserted, "the metric '\(name)' is there twice")
    assert(help.utf8.allSatisfy { $0 != 0x0A && $0 != 0x5C }, "the help of '\(name)' is not one plain sentence")
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { octet in
      switch octet {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
      default: false
      }
    }
  }

  /// By scalars: a `Character` may be a quote with an accent, or CR and LF together, and would pass unescaped.
  private static func escaped(_ value: String) -> String {
    var result = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
