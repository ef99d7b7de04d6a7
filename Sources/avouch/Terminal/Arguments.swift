/// The words after a command, sorted into options and the rest.
struct Arguments {
  /// What a command takes.
  struct Grammar {
    /// Options with a value: `--port`.
    var values: Set<String> = []
    /// Those of them that may be given several times.
    var repeatable: Set<String> = []
    /// Options without one: `--json`.
    var flags: Set<String> = []
    /// Names of the words that are no options, in order; all are needed.
    var words: [String] = []
    var usage: String
  }

  private var values: [String: [String]] = [:]
  private var flags: Set<String> = []
  private(set) var words: [String] = []
  private let grammar: Grammar

  /// Nil where the user asked for help, which has been printed.
  init?(_ input: [String], _ grammar: Grammar) throws(CommandFailure) {
    self.grammar = grammar
    if input.contains("--help") || input.contains("-h") {
      Terminal.print(grammar.usage)
      return nil
    }
    var rest = input[...]
    while let word = rest.popFirst() {
      if word.hasPrefix("--") {
        try takeOption(word, &rest)
      } else {
        guard words.count < grammar.words.count else { throw wrong("'\(word)' is one word too many") }
        words.append(word)
      }
    }
    guard words.count == grammar.words.count else { throw wrong("\(grammar.words[words.count]) is missing") }
  }

  private mutating func takeOption(_ word: String, _ rest: inout ArraySlice<String>) throws(CommandFailure) {
    var name = word
    var value: String?
    if let equals = word.firstIndex(of: "=") {
      name = String(word[..<equals])
      value = String(word[word.index(after: equals)...])
    }
    if grammar.flags.contains(name) {
      if value != nil { throw wrong("\(name) takes no value") }
      flags.insert(name)
      return
    }
    guard grammar.values.contains(name) else { throw wrong("there is no option \(name)") }
    guard values[name] == nil || grammar.repeatable.contains(name) else { throw wrong("\(name) is given twice") }
    guard let given = value ?? rest.popFirst() else { throw wrong("\(name) needs a value") }
    values[name, default: []].append(given)
  }

  subscript(_ name: String) -> String? { values[name]?.first }

  /// All values of an option that may be given several times, in order.
  func all(_ name: String) -> [String] { values[name] ?? [] }

  func has(_ flag: String) -> Bool { flags.contains(flag) }

  func required(_ name: String) throws(CommandFailure) -> String {
    guard let value = self[name] else { throw wrong("\(name) is missing") }
    return value
  }

  /// A whole number within bounds, or nil where the option is not given.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(CommandFailure) -> Int? {
    guard let text = self[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw wrong("\(name): '\(text)' is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// What is wrong, and below it how the command is called: not all of its help, which would push that off the screen.
  func wrong(_ message: String) -> CommandFailure {
    let lines = grammar.usage.split(separator: "\n", omittingEmptySubsequences: false)
    let synopsis = lines.prefix { !$0.isEmpty }.joined(separator: "\n")
    guard synopsis.count < grammar.usage.count else { return .wrongUse("\(message)\n\n\(synopsis)") }
    return .wrongUse("\(message)\n\n\(synopsis)\n\n--help tells more.")
  }
}
