/// A flat or nested JSON object, written in the order in which its members were added.
struct JSONObject {
  private var members: [String] = []

  var text: String { "{" + members.joined(separator: ",") + "}" }

  mutating func add(_ name: String, _ value: String?) { add(name, raw: value.map { JSONObject.quoted($0) } ?? "null") }
  mutating func add(_ name: String, _ value: Int?) { add(name, raw: value.map { String($0) } ?? "null") }
  mutating func add(_ name: String, _ value: UInt64) { add(name, raw: String(value)) }
  mutating func add(_ name: String, _ value: Double?) { add(name, raw: value.map { String($0) } ?? "null") }
  mutating func add(_ name: String, _ value: Bool?) { add(name, raw: value.map { $0 ? "true" : "false" } ?? "null") }
  mutating func add(_ name: String, _ values: [String]) {
    add(name, raw: "[" + values.map { JSONObject.quoted($0) }.joined(separator: ",") + "]")
  }
  mutating func add(_ name: String, _ object: JSONObject?) { add(name, raw: object?.text ?? "null") }
  mutating func add(_ name: String, _ objects: [JSONObject]) {
    add(name, raw: "[" + objects.map(\.text).joined(separator: ",") + "]")
  }

  /// A value that is JSON already.
  mutating func add(_ name: String, json: String?) { add(name, raw: json ?? "null") }

  private mutating func add(_ name: String, raw: String) {
    members.append(JSONObject.quoted(name) + ":" + raw)
  }

  /// RFC 8259 7.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
