/// A JSON value (RFC 8259): numbers as they are written, so that none loses a digit; members in order.
indirect enum JSONElement: Sendable, Equatable {
  struct Member: Sendable, Equatable {
    var name: String
    var value: JSONElement
  }

  case null
  case boolean(Bool)
  /// What stands in the text, which is a number of RFC 8259 6.
  case number(String)
  case text(String)
  case list([JSONElement])
  case object([Member])

  static func whole(_ value: some FixedWidthInteger) -> JSONElement { .number(String(value)) }

  /// Null where there is no value, and where JSON has none: infinity (RFC 8259 6).
  static func real(_ value: Double?) -> JSONElement {
    guard let value, value.isFinite else { return .null }
    return .number("\(value)")
  }

  static func members(_ members: KeyValuePairs<String, JSONElement>) -> JSONElement {
    .object(members.map { Member(name: $0.key, value: $0.value) })
  }

  /// As messages name it.
  var kindName: String {
    switch self {
    case .null: "null"
    case .boolean: "true or false"
    case .number: "a number"
    case .text: "a text"
    case .list: "a list"
    case .object: "an object"
    }
  }

  // MARK: - Writing

  /// The whole as a file: objects and lists of them with a line for each member, all else on its line.
  var fileText: String {
    var text = ""
    write(to: &text, indentation: 0)
    return text + "\n"
  }

  private func write(to text: inout String, indentation: Int) {
    switch self {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .number(let digits): text += digits
    case .text(let value): JSONElement.writeQuoted(value, to: &text)
    case .list(let elements):
      let hasObjects = elements.contains { if case .object = $0 { true } else { false } }
      JSONElement.write(elements, "[", "]", isSplit: hasObjects, to: &text, indentation) { element, text, inside in
        element.write(to: &text, indentation: inside)
      }
    case .object(let members):
      let isSplit = members.contains { member in
        switch member.value {
        case .object(let inside): !inside.isEmpty
        case .list(let inside): !inside.isEmpty
        default: false
        }
      }
      JSONElement.write(members, "{", "}", isSplit: isSplit, to: &text, indentation) { member, text, inside in
        JSONElement.writeQuoted(member.name, to: &text)
        text += ": "
        member.value.write(to: &text, indentation: inside)
      }
    }
  }

  private static func write<Part>(
    _ parts: [Part], _ opening: String, _ closing: String, isSplit: Bool, to text: inout String, _ indentation: Int,
    part write: (Part, inout String, Int) -> Void
  ) {
    text += opening
    for (index, part) in parts.enumerated() {
      if index > 0 { text += isSplit ? "," : ", " }
      if isSplit { text += "\n" + String(repeating: " ", count: indentation + 1) }
      write(part, &text, indentation + 1)
    }
    if isSplit { text += "\n" + String(repeating: " ", count: indentation) }
    text += closing
  }

  /// RFC 8259 7.
  private static func writeQuoted(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case _ where scalar.value < 0x20:
        text += scalar.value < 0x10 ? "\\u000" : "\\u00"
        text += String(scalar.value, radix: 16)
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
