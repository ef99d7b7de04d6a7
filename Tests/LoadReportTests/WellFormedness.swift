/// A look at a page as an XML parser has it: what is open is closed in order, attributes are quoted, references are known.
enum WellFormedness {
  /// What is wrong first, with what stands there; nil where all is well.
  static func problem(in page: String) -> String? {
    var rest = page[...]
    var open: [Substring] = []
    let doctype = "<!DOCTYPE html>\n"
    guard rest.hasPrefix(doctype) else { return "no doctype" }
    rest = rest.dropFirst(doctype.count)
    while let bracket = rest.firstIndex(of: "<") {
      if let problem = textProblem(rest[..<bracket], isInside: !open.isEmpty) { return problem }
      guard let end = rest[bracket...].firstIndex(of: ">") else {
        return "a tag without an end: \(rest[bracket...].prefix(60))"
      }
      let tag = rest[rest.index(after: bracket)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("/") {
        guard let last = open.popLast(), last == tag.dropFirst() else { return "'\(tag)' closes what is not open" }
      } else {
        let isClosed = tag.hasSuffix("/")
        let inside = isClosed ? tag.dropLast() : tag
        let name = inside.prefix { $0 != " " }
        guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }), !name.isEmpty else {
          return "no name: \(tag)"
        }
        if let problem = attributesProblem(inside.dropFirst(name.count)) { return problem }
        if !isClosed { open.append(name) }
      }
    }
    guard open.isEmpty else { return "not closed: \(open)" }
    return textProblem(rest, isInside: false)
  }

  private static func textProblem(_ text: Substring, isInside: Bool) -> String? {
    guard isInside || text.allSatisfy({ $0 == "\n" }) else { return "text outside of everything: \(text.prefix(60))" }
    return referenceProblem(text)
  }

  private static func attributesProblem(_ attributes: Substring) -> String? {
    var rest = attributes
    var names: Set<Substring> = []
    while !rest.isEmpty {
      guard rest.first == " ", let equals = rest.firstIndex(of: "=") else { return "no attribute: \(rest)" }
      let name = rest[rest.index(after: rest.startIndex)..<equals]
      guard names.insert(name).inserted else { return "twice: \(name)" }
      rest = rest[rest.index(after: equals)...]
      guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else { return "not quoted: \(rest)" }
      let value = rest[rest.index(after: rest.startIndex)..<end]
      if let problem = referenceProblem(value) { return problem }
      rest = rest[rest.index(after: end)...]
    }
    return nil
  }

  private static func referenceProblem(_ text: Substring) -> String? {
    let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"]
    for place in text.indices where text[place] == "&" && !known.contains(where: { text[place...].hasPrefix($0) }) {
      return "no reference: \(text[place...].prefix(20))"
    }
    return nil
  }
}
