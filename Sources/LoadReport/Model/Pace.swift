/// What decides when the next request is sent.
public enum Pace: Sendable, Hashable {
  /// A plan: so many a second, whether or not earlier ones have been answered. Latency counts from the planned time, so
  /// that a server that stops for a while is charged for all who would have asked meanwhile.
  case openLoop(requestsPerSecond: Double)
  /// The answer to the one before, on each connection. Latency counts from the send.
  case closedLoop
}
