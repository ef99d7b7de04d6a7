/// One second of a run, by the time at which its requests ended.
public struct Second: Sendable, Hashable {
  /// Requests that were answered: all kinds but failures.
  public var answered: UInt64
  public var failed: UInt64
  /// Of the latencies of those that were answered; 0 where none was.
  public var p50Nanoseconds: Int64
  public var p99Nanoseconds: Int64
  public var maximumNanoseconds: Int64

  public init(
    answered: UInt64, failed: UInt64, p50Nanoseconds: Int64, p99Nanoseconds: Int64, maximumNanoseconds: Int64
  ) {
    self.answered = answered
    self.failed = failed
    self.p50Nanoseconds = p50Nanoseconds
    self.p99Nanoseconds = p99Nanoseconds
    self.maximumNanoseconds = maximumNanoseconds
  }

  /// - Parameter latency: of the requests that were answered in this second, each once.
  public init(latency: LatencyHistogram, failed: UInt64) {
    self.init(
      answered: latency.count, failed: failed, p50Nanoseconds: latency.quantile(0.5),
      p99Nanoseconds: latency.quantile(0.99), maximumNanoseconds: latency.maximum)
  }
}
