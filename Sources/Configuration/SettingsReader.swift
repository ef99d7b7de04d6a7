/// Turns a tree of JSON values into typed values by the settings table, and gathers everything that is wrong.
struct SettingsReader {
  /// A value that its setting has accepted.
  enum Value: Sendable {
    case text(String)
    case integer(Int)
    case boolean(Bool)
    case texts([String])
    /// One of a duration's words.
    case word(String)
  }

  private(set) var problems: [String] = []
  /// By full path, objects of lists with their place: `issuers[0].validity`.
  private(set) var values: [String: Value] = [:]
  /// The paths whose values somebody has said: the others have their defaults.
  private(set) var given: Set<String> = []
  /// How many objects each list has, by its name.
  private var counts: [String: Int] = [:]
  private var isEdge: Bool { if case .text("edge")? = values["role"] { true } else { false } }

  mutating func problem(_ path: String, _ text: String) {
    problems.append("\(path): \(text)")
  }

  /// - Parameter root: the whole file.
  mutating func read(_ root: JSONValue) {
    guard case .object(var members) = root else {
      problems.append("the file holds \(root.shown); an object is expected")
      return
    }
    let lists = ObjectList.all.map { ($0, members.removeValue(forKey: $0.name)) }
    readObject(members, at: "", settings: ObjectList.othersSettings, prefix: "")
    for (list, value) in lists { readList(list, value) }
  }

  /// The paths of a list's objects: `issuers[0]` and so on.
  func paths(_ list: ObjectList) -> [String] {
    (0..<(counts[list.name] ?? 0)).map { "\(list.name)[\($0)]" }
  }

  private mutating func readList(_ list: ObjectList, _ value: JSONValue?) {
    if value == nil, !list.isRequired { return }
    guard case .list(let objects)? = value, !objects.isEmpty || !list.isRequired else {
      let found = value.map { if case .list = $0 { "is empty" } else { "holds \($0.shown)" } } ?? "is missing"
      problem(
        list.name, "\(found); a list of \(list.isRequired ? "at least one \(list.noun)" : "\(list.noun)s") is expected")
      return
    }
    guard objects.count <= list.maximumCount else {
      problem(list.name, "\(objects.count) \(list.noun)s; at most \(list.maximumCount) are possible")
      return
    }
    counts[list.name] = objects.count
    let settings = list.settings
    for (path, value) in zip(paths(list), objects) {
      guard case .object(let members) = value else {
        problem(path, "holds \(value.shown); an object is expected")
        continue
      }
      readObject(members, at: path + ".", settings: settings, prefix: list.prefix)
    }
  }

  /// - Parameters:
  ///   - path: what stands before the keys in messages, with its final dot.
  ///   - prefix: the same in the table.
  private mutating func readObject(
    _ members: [String: JSONValue], at path: String, settings: [Setting], prefix: String
  ) {
    var groups: [String: [Setting]] = [:]
    var plain: [String: Setting] = [:]
    for setting in settings {
      let rest = setting.path.dropFirst(prefix.count)
      if let dot = rest.firstIndex(of: ".") {
        groups[String(rest[..<dot]), default: []].append(setting)
      } else {
        plain[String(rest)] = setting
      }
    }
    for name in members.keys.sorted() where plain[name] == nil && groups[name] == nil {
      problem(path + name, unknownKey(name, among: plain.keys.sorted() + groups.keys.sorted()))
    }
    for (name, setting) in plain { readValue(members[name], at: path + name, setting) }
    for (name, inside) in groups {
      switch members[name] {
      case .object(let group): readObject(group, at: path + name + ".", settings: inside, prefix: prefix + name + ".")
      case nil: readObject([:], at: path + name + ".", settings: inside, prefix: prefix + name + ".")
      case .some(let other): problem(path + name, "holds \(other.shown); an object is expected")
      }
    }
  }

  private func unknownKey(_ name: String, among known: [String]) -> String {
    let near = known.first { $0.lowercased() == name.lowercased() }
    let hint = near.map { "; did you mean '\($0)'?" } ?? "; there are \(known.sorted().joined(separator: ", "))"
    return "there is no such key\(hint)"
  }

  private mutating func readValue(_ value: JSONValue?, at path: String, _ setting: Setting) {
    var isStandard = false
    var given = value
    if given == nil {
      guard !setting.isRequired || setting.exceptAtEdges && isEdge else {
        problem(path, "is missing; \(setting.expectation) is expected")
        return
      }
      guard let standard = setting.standard else { return }
      given = .text(standard)
      isStandard = true
    }
    guard let given else { return }
    if let accepted = accept(given, setting) {
      values[path] = accepted
      if !isStandard { self.given.insert(path) }
    } else {
      precondition(!isStandard, "the default of \(setting.path) is none of its values")
      if let (place, element) = badElement(given, setting) {
        problem(path, "\(element) at [\(place)] is not possible; expected \(setting.expectation)")
        return
      }
      if case .list(let list) = given, list.isEmpty {
        problem(path, "the list is empty; expected \(setting.expectation)")
        return
      }
      problem(path, "\(given.shown) is not possible; expected \(setting.expectation)\(leaveOut(given, setting))")
    }
  }

  /// Some write null for "as usual"; the schema does not let it through, and no more does this.
  private func leaveOut(_ value: JSONValue, _ setting: Setting) -> String {
    if case .null = value, !setting.isRequired { "; leave the key out for the default" } else { "" }
  }

  private func accept(_ value: JSONValue, _ setting: Setting) -> Value? {
    switch (setting.kind, value) {
    case (.text, .text(let text)) where !text.isEmpty: return .text(text)
    case (.integer(let range), .number(let number)):
      return JSONValue.wholeNumber(number).flatMap { range.contains($0) ? .integer($0) : nil }
    case (.integer(let range), .text(let text)):
      return WholeNumber.parse(text[...]).flatMap { range.contains($0) ? .integer($0) : nil }
    case (.boolean, .boolean(let flag)): return .boolean(flag)
    case (.boolean, .text("true")): return .boolean(true)
    case (.boolean, .text("false")): return .boolean(false)
    case (.duration(_, let words), .text(let text)) where words.contains(text): return .word(text)
    case (.duration(let range, _), .text(let text)):
      return Duration.seconds(text).flatMap { range.contains($0) ? .integer($0) : nil }
    case (.milliseconds(let range), .text(let text)):
      return Milliseconds.count(text).flatMap { range.contains($0) ? .integer($0) : nil }
    case (.size(let range), .text(let text)):
      return Size.octets(text).flatMap { range.contains($0) ? .integer($0) : nil }
    case (.size(let range), .number(let number)):
      return JSONValue.wholeNumber(number).flatMap { range.contains($0) ? .integer($0) : nil }
    case (.choice(let names), .text(let text)) where names.contains(text): return .text(text)
    case (.texts, _): return texts(value).map { .texts($0) }
    case (.oneOrMoreTexts, .text(let text)): return text.isEmpty ? nil : .texts(KeyText.split(text))
    case (.oneOrMoreTexts, .list(let list)) where !list.isEmpty: return texts(value).map { .texts($0) }
    case (.choices(let names), _):
      guard let chosen = texts(value), chosen.allSatisfy({ names.contains($0) }) else { return nil }
      return .texts(chosen)
    default: return nil
    }
  }

  /// A list of texts, or one text with commas, as an environment variable has it: blanks around a comma mean nothing,
  /// those inside a path stay.
  private func texts(_ value: JSONValue) -> [String]? {
    switch value {
    case .text(let text):
      return text.split(separator: ",").map { SettingsReader.trimmed($0) }.filter { !$0.isEmpty }
    case .list(let list):
      var texts: [String] = []
      for element in list {
        guard case .text(let text) = element, !text.isEmpty else { return nil }
        texts.append(text)
      }
      return texts
    default: return nil
    }
  }

  /// The first element of a list that its setting does not take, with its place; nil where it is the whole that is wrong.
  private func badElement(_ value: JSONValue, _ setting: Setting) -> (place: Int, shown: String)? {
    let names: [String]? = if case .choices(let names) = setting.kind { names } else { nil }
    switch setting.kind {
    case .texts, .choices: break
    default: return nil
    }
    let elements: [JSONValue]
    switch value {
    case .list(let list): elements = list
    default: elements = (texts(value) ?? []).map { .text($0) }
    }
    for (place, element) in elements.enumerated() {
      guard case .text(let text) = element, !text.isEmpty, names?.contains(text) ?? true else {
        return (place, element.shown)
      }
    }
    return nil
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return String(text)
  }
}
