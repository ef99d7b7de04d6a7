/// `avouch load --compare`.
enum LoadComparison {
  static func run(_ words: [String]) throws(CommandFailure) -> ExitCode {
    throw .no("not yet")
  }
}
