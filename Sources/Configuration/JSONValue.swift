import FoundationEssentials

/// A JSON value as it was read, before anybody asks what it means.
enum JSONValue: Sendable, Decodable {
  case null
  case boolean(Bool)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  private struct Name: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
      self.stringValue = stringValue
    }

    init?(intValue: Int) {
      return nil
    }
  }

  init(from decoder: any Decoder) throws {
    if let members = try? decoder.container(keyedBy: Name.self) {
      var object: [String: JSONValue] = [:]
      for name in members.allKeys { object[name.stringValue] = try members.decode(JSONValue.self, forKey: name) }
      self = .object(object)
      return
    }
    if var elements = try? decoder.unkeyedContainer() {
      var list: [JSONValue] = []
      while !elements.isAtEnd { list.append(try elements.decode(JSONValue.self)) }
      self = .list(list)
      return
    }
    let single = try decoder.singleValueContainer()
    if single.decodeNil() {
      self = .null
    } else if let value = try? single.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? single.decode(Double.self) {
      self = .number(value)
    } else {
      self = .text(try single.decode(String.self))
    }
  }

  /// Reads JSON5: comments, trailing commas, bare keys. An error names line and column.
  static func parse(_ octets: [UInt8]) throws(ConfigurationError) -> JSONValue {
    if let finding = JSON5Locator.find(in: octets) {
      throw ConfigurationError(problems: ["line \(finding.line), column \(finding.column): \(finding.problem)"])
    }
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    do {
      return try decoder.decode(JSONValue.self, from: Data(octets))
    } catch {
      throw ConfigurationError(problems: ["not JSON5; look for a value that is no number, text, true, false or null"])
    }
  }

  /// As a message shows it.
  var shown: String {
    switch self {
    case .null: "null"
    case .boolean(let value): value ? "true" : "false"
    case .number(let value): JSONValue.wholeNumber(value).map { String($0) } ?? "\(value)"
    case .text(let value): "'\(value)'"
    case .list: "a list"
    case .object: "an object"
    }
  }

  static func wholeNumber(_ value: Double) -> Int? {
    value == value.rounded() && abs(value) < 1e15 ? Int(value) : nil
  }
}
