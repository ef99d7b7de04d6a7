/// A strict reader of the text exposition format 0.0.4, as Prometheus documents it: what it takes, Prometheus takes.
struct Exposition {
  struct Sample: Hashable {
    var name: String
    var labels: [String: String]
    var value: String
  }

  struct Family {
    var name: String
    var help: String
    var kind: String
    var samples: [Sample]
  }

  struct Refusal: Error, CustomStringConvertible {
    var line: Int
    var description: String
  }

  private(set) var families: [Family] = []

  init(_ text: String) throws {
    guard text.isEmpty || text.utf8.last == 0x0A else { throw Refusal(line: 0, description: "no final line end") }
    var help: (name: String, text: String)?
    let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
    for (place, octets) in lines.enumerated() {
      let line = String(decoding: octets, as: UTF8.self)
      func refuse(_ what: String) -> Refusal { Refusal(line: place + 1, description: "\(what): \(line)") }
      let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map { String($0) }
      if line.hasPrefix("# HELP ") {
        guard words.count == 4, Exposition.isName(words[2]), help == nil else { throw refuse("HELP") }
        guard !families.contains(where: { $0.name == words[2] }) else { throw refuse("a family twice") }
        help = (words[2], words[3])
      } else if line.hasPrefix("# TYPE ") {
        guard words.count == 4, let given = help, given.name == words[2] else { throw refuse("TYPE without its HELP") }
        guard ["counter", "gauge", "histogram"].contains(words[3]) else { throw refuse("unknown type") }
        families.append(Family(name: given.name, help: given.text, kind: words[3], samples: []))
        help = nil
      } else {
        guard help == nil, let family = families.last else { throw refuse("a sample outside a family") }
        guard let sample = Exposition.sample(line) else { throw refuse("no sample") }
        let endings = family.kind == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard endings.contains(where: { sample.name == family.name + $0 }) else { throw refuse("a sample elsewhere") }
        let isTwin = family.samples.contains { $0.name == sample.name && $0.labels == sample.labels }
        guard !isTwin else { throw refuse("a sample twice") }
        families[families.count - 1].samples.append(sample)
      }
    }
    guard help == nil else { throw Refusal(line: lines.count, description: "HELP without TYPE") }
  }

  subscript(_ name: String) -> Family? { families.first { $0.name == name } }

  private static func isName(_ text: String) -> Bool {
    text.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil
  }

  /// `name value`, or `name{label="value",...} value`.
  private static func sample(_ line: String) -> Sample? {
    var rest = Array(line.unicodeScalars)[...]
    func take(_ isWanted: (Unicode.Scalar) -> Bool) -> String {
      let taken = rest.prefix(while: isWanted)
      rest = rest.dropFirst(taken.count)
      return taken.reduce(into: "") { $0.unicodeScalars.append($1) }
    }
    let name = take { $0 != "{" && $0 != " " }
    var labels: [String: String] = [:]
    if rest.first == "{" {
      repeat {
        rest.removeFirst()
        let label = take { $0 != "=" }
        guard isName(label), rest.starts(with: "=\"".unicodeScalars) else { return nil }
        rest = rest.dropFirst(2)
        var value = ""
        while let scalar = rest.first, scalar != "\"" {
          rest.removeFirst()
          guard scalar == "\\" else {
            value.unicodeScalars.append(scalar)
            continue
          }
          guard let escaped = rest.popFirst(), let plain = ["\\": "\\", "\"": "\"", "n": "\n"][escaped] else {
            return nil
          }
          value += plain
        }
        guard rest.popFirst() == "\"", labels.updateValue(value, forKey: label) == nil else { return nil }
      } while rest.first == ","
      guard rest.popFirst() == "}" else { return nil }
    }
    guard isName(name), rest.popFirst() == " " else { return nil }
    let value = rest.reduce(into: "") { $0.unicodeScalars.append($1) }
    guard value.wholeMatch(of: /[0-9]+(\.[0-9]+)?/) != nil else { return nil }
    return Sample(name: name, labels: labels, value: value)
  }
}
