/// Metrics as Prometheus reads them (text exposition format 0.0.4). Made anew for each scrape.
public struct ExpositionText: ~Copyable {
  /// What a metric is.
  public enum Kind: String, Sendable {
    case counter
    case gauge
  }

  public private(set) var text = ""

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

  private mutating func addHead(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  private static func escaped(_ value: String) -> String {
    var result = ""
    for character in value {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
    return result
  }
}
