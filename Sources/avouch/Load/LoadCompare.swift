import LoadReport

/// `avouch load --compare before.json after.json`.
enum LoadCompare {
  static func run(_ words: [String]) throws -> ExitCode {
    for word in words {
      let name = String(word.prefix { $0 != "=" })
      guard name != "--html", LoadOptions.names.contains(name) || LoadOptions.flags.contains(name) else { continue }
      throw CommandFailure.wrongUse(
        "\(name) does not go with --compare, which asks nobody: it takes two files, and --html")
    }
    let grammar = Arguments.Grammar(
      values: ["--html"], flags: ["--compare"], words: ["before.json", "after.json"], usage: LoadCommand.usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let comparison = LoadComparison(
      before: try LoadCompare.result(arguments.words[0]), after: try LoadCompare.result(arguments.words[1]))
    Terminal.print(comparison.text)
    if let path = arguments["--html"] { try Files.write(Array(comparison.html.utf8), to: path) }
    return comparison.hasPairs ? .fine : .no
  }

  private static func result(_ path: String) throws -> LoadResult {
    do {
      return try LoadResult(json: try Files.read(path, what: "what avouch load --json wrote"), file: path)
    } catch let error as LoadResultError {
      throw CommandFailure.no(error.description)
    }
  }
}
