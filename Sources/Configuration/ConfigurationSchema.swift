/// The configuration's JSON schema (draft 2020-12) and its table in Markdown, made from the settings table.
public enum ConfigurationSchema {
  /// What docs/configuration.schema.json holds.
  public static var text: String {
    let required = ObjectList.all.filter(\.isRequired).map { quoted($0.name) }.joined(separator: ", ")
    return """
      {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Avouch configuration",
        "type": "object",
        "additionalProperties": false,
        "required": [\(required)],
        "if": { "properties": { "role": { "const": "edge" } }, "required": ["role"] },
        "then": { "required": ["redis"] },
        "else": { "properties": { "issuers": { "items": { "required": ["signer"], "properties": { "signer": { "required": ["key"] } } } } } },
        "properties": {
          \((members(ObjectList.othersSettings, prefix: "", indent: 4) + ObjectList.all.map(list)).joined(separator: ",\n    "))
        }
      }
      """
  }

  /// The table of docs/configuration.md.
  public static var table: String {
    var lines = ["| key | default | may be | what it is |", "| --- | --- | --- | --- |"]
    for setting in SettingsTable.settings {
      let standard =
        setting.standard.map { "`\($0)`" }
        ?? (setting.isRequired ? setting.exceptAtEdges ? "required of an origin" : "required" : "none")
      lines.append("| `\(setting.path)` | \(standard) | \(setting.expectation) | \(setting.summary) |")
    }
    return lines.joined(separator: "\n")
  }

  private static func list(_ list: ObjectList) -> String {
    """
    \(quoted(list.name)): {
          "type": "array",
          "minItems": \(list.isRequired ? 1 : 0),
          "maxItems": \(list.maximumCount),
          "items": \(object(list.settings, prefix: list.prefix, indent: 6))
        }
    """
  }

  private static func object(_ settings: [Setting], prefix: String, indent: Int) -> String {
    let space = String(repeating: " ", count: indent)
    let required = settings.filter {
      $0.isRequired && !$0.exceptAtEdges && !$0.path.dropFirst(prefix.count).contains(".")
    }
    var names = required.map { "\"\($0.path.dropFirst(prefix.count))\"" }
    let needed = Set(
      settings.filter { $0.isRequired && !$0.exceptAtEdges }.compactMap { setting -> String? in
        let rest = setting.path.dropFirst(prefix.count)
        return rest.firstIndex(of: ".").map { "\"\(rest[..<$0])\"" }
      })
    names += needed.sorted()
    return """
      {
      \(space)  "type": "object",
      \(space)  "additionalProperties": false,
      \(space)  "required": [\(names.joined(separator: ", "))],
      \(space)  "properties": {
      \(space)    \(members(settings, prefix: prefix, indent: indent + 4).joined(separator: ",\n\(space)    "))
      \(space)  }
      \(space)}
      """
  }

  private static func members(_ settings: [Setting], prefix: String, indent: Int) -> [String] {
    var result: [String] = []
    var groups: [String] = []
    for setting in settings {
      let rest = setting.path.dropFirst(prefix.count)
      guard let dot = rest.firstIndex(of: ".") else {
        result.append("\"\(rest)\": \(member(setting))")
        continue
      }
      let group = String(rest[..<dot])
      guard !groups.contains(group) else { continue }
      groups.append(group)
      let inside = settings.filter { $0.path.hasPrefix(prefix + group + ".") }
      result.append("\"\(group)\": \(object(inside, prefix: prefix + group + ".", indent: indent))")
    }
    return result
  }

  private static func member(_ setting: Setting) -> String {
    var parts = ["\"description\": \(quoted(setting.summary))"]
    switch setting.kind {
    case .text: parts.append("\"type\": \"string\", \"minLength\": 1")
    case .integer(let range):
      parts.append("\"type\": \"integer\", \"minimum\": \(range.lowerBound), \"maximum\": \(range.upperBound)")
    case .boolean: parts.append("\"type\": \"boolean\"")
    case .duration(_, let words):
      let pattern = (["[0-9]+[smhd]"] + words).joined(separator: "|")
      parts.append("\"type\": \"string\", \"pattern\": \"^(\(pattern))$\"")
    case .milliseconds: parts.append("\"type\": \"string\", \"pattern\": \"^[0-9]+m?s$\"")
    case .size: parts.append("\"type\": [\"string\", \"integer\"], \"pattern\": \"^[0-9]+(B|KiB|MiB|GiB)?$\"")
    case .choice(let names): parts.append("\"enum\": [\(names.map { quoted($0) }.joined(separator: ", "))]")
    case .texts: parts.append("\"type\": \"array\", \"items\": { \"type\": \"string\" }")
    case .oneOrMoreTexts:
      parts.append(
        "\"anyOf\": [{ \"type\": \"string\", \"minLength\": 1 }, { \"type\": \"array\", \"minItems\": 1, "
          + "\"items\": { \"type\": \"string\", \"minLength\": 1 } }]")
    case .choices(let names):
      let list = names.map { quoted($0) }.joined(separator: ", ")
      parts.append("\"type\": \"array\", \"items\": { \"enum\": [\(list)] }")
    }
    if let standard = standardText(setting) { parts.append("\"default\": \(standard)") }
    return "{ \(parts.joined(separator: ", ")) }"
  }

  private static func standardText(_ setting: Setting) -> String? {
    guard let standard = setting.standard else { return nil }
    switch setting.kind {
    case .integer, .boolean: return standard
    case .texts, .choices: return "[\(quoted(standard))]"
    default: return quoted(standard)
    }
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
