/// Why a command has no reply, and at which node.
public struct RedisFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: Sendable, Hashable {
    /// No connection, or none any more. Where the command was on its way, the server may have obeyed it.
    case notConnected(String)
    /// The command may still be obeyed; its late reply is dropped.
    case deadlinePassed
    /// The server's own words, its code first: `WRONGTYPE ...`.
    case serverError(String)
    /// A bound of the client is reached; nothing was sent.
    case overloaded(String)
    /// The client was stopped.
    case stopped
  }

  public var reason: Reason
  /// Nil where no node had been chosen.
  public var node: RedisAddress?

  public init(_ reason: Reason, at node: RedisAddress?) {
    self.reason = reason
    self.node = node
  }

  /// Whether a script was named by its digest to a node that does not know it.
  public var isUnknownScript: Bool {
    if case .serverError(let text) = reason { text.hasPrefix("NOSCRIPT") } else { false }
  }

  public var description: String {
    let place = node.map { "Redis at \($0)" } ?? "Redis"
    return switch reason {
    case .notConnected(let why): "\(place): not connected: \(why)"
    case .deadlinePassed: "\(place): no reply before the deadline"
    case .serverError(let text): "\(place): the server says: \(text)"
    case .overloaded(let what): "\(place): overloaded: \(what)"
    case .stopped: "\(place): the client was stopped"
    }
  }
}
