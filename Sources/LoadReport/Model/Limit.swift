/// What kept a run from more requests a second.
public enum Limit: Sendable, Hashable {
  /// The server had as much as it could answer while the client had time to spare.
  case server
  /// The client itself, and why: the figures say little about the server.
  case client(String)
  /// The rate of the plan, which was reached.
  case rate
  /// Much failed otherwise than by taking too long (`LoadRun.faults`): the figures say nothing of a limit.
  case failures
  /// Nothing at its end can be named: a few connections that spent their time on the way.
  case none
}
