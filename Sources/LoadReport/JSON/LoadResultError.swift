/// Why a file is not a result that can be read.
public struct LoadResultError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Names the file and the place in it, what is there and what is expected.
  public var description: String

  public init(_ description: String) {
    self.description = description
  }
}
