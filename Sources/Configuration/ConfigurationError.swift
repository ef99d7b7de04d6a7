/// Everything that is wrong with a configuration, each with its key, what it holds and what it may hold.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  public var problems: [String]

  public init(problems: [String]) {
    self.problems = problems
  }

  public var description: String { problems.joined(separator: "\n") }
}
