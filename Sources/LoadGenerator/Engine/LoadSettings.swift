public import LoadReport

/// What one run of a load does.
public struct LoadSettings: Sendable {
  public var pace = Pace.closedLoop
  /// Open at once, over all threads; in an open loop the most that may be.
  public var connections = 64
  public var threads = 1
  /// Nothing is counted before.
  public var warmUpMilliseconds: Int64 = 1000
  /// Measured, behind the warm-up.
  public var durationMilliseconds: Int64 = 10_000
  /// For a connection to be made, for an answer to come, and for a planned request to wait for a free connection.
  public var timeoutMilliseconds: Int64 = 5000
  public var form = RequestForm()
  public var mix = QuestionMix()
  /// Answers that are kept and checked in full behind the run, signature and all.
  public var signatures = QuestionMix.Share(0.01)
  /// Connections beside the load that ask and read an octet now and then.
  public var slowReaders = 0
  /// Connections beside the load that say nothing.
  public var idleConnections = 0

  /// Of the system's buffer for what goes out on a connection; nil for its own choice. Small ones take requests in parts.
  var sendBufferBytes: Int32?

  public init() {}

  /// The most requests that wait for answers at once.
  var maximumInFlight: Int { connections * form.connection.depth }
}
