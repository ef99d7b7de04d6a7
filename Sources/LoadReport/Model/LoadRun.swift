/// What one step of a load test measured: one rate, or one number of connections.
public struct LoadRun: Sendable, Equatable {
  public var pace: Pace
  /// Open at once; in an open loop the most that may be.
  public var connections: Int
  /// Measured, without the warm-up.
  public var seconds: Double
  /// Open loop: requests that the plan had for the measured time. Closed loop: requests sent.
  public var planned: UInt64
  /// What became of the requests of the measured time. A kind that is not there counts as 0.
  public var counts: [AnswerKind: UInt64] = [:]
  /// Of all requests that were answered, failures excluded: from the planned time of the send; in a closed loop from the
  /// send.
  public var latency = LatencyHistogram()
  /// Of the same requests, from the actual send.
  public var service = LatencyHistogram()
  /// How late sends were that the client itself held up, not for want of a free connection.
  public var lateness = LatencyHistogram()
  /// The measured time, second by second; the last one may be shorter.
  public var timeline: [Second] = []
  /// Octets that came back, heads and all.
  public var bytesReceived: UInt64 = 0
  public var connectionsOpened: UInt64 = 0
  /// Processor time of the load's own threads together, within the measured time.
  public var clientProcessorSeconds: Double = 0
  public var clientThreads: Int = 1
  public var limit: Limit = .none
  /// One of each kind of failure.
  public var examples: [Example] = []

  public init(pace: Pace, connections: Int, seconds: Double, planned: UInt64) {
    self.pace = pace
    self.connections = connections
    self.seconds = seconds
    self.planned = planned
  }

  /// Requests that became of this kind.
  public func count(_ kind: AnswerKind) -> UInt64 { counts[kind] ?? 0 }

  /// Requests that were answered with what was asked for.
  public var fine: UInt64 { counts.lazy.filter { $0.key.isFine }.map(\.value).clampedSum }

  /// Requests that were answered: all kinds but failures.
  public var answered: UInt64 { counts.lazy.filter { !$0.key.isFailure }.map(\.value).clampedSum }

  public var failures: UInt64 { counts.lazy.filter { $0.key.isFailure }.map(\.value).clampedSum }

  /// Failures that are not told of as want of time or room: wrong answers, and connections that were refused or broke, as some
  /// servers' are when they have too much to do.
  public var faults: UInt64 { counts.lazy.filter { $0.key.isFailure && !$0.key.isOverload }.map(\.value).clampedSum }

  /// Wrong answers: failures that came with one.
  var wrongAnswers: UInt64 { counts.lazy.filter { $0.key.isFailure && !$0.key.isSilence }.map(\.value).clampedSum }

  /// Why there is no latency to be told, where there is none.
  var emptiness: String {
    wrongAnswers == 0
      ? "nothing was answered" : "all \(Figures.grouped(wrongAnswers)) answers that came were wrong: see their kinds"
  }

  /// Answered requests a second; 0 for a run without length.
  public var requestsPerSecond: Double { perSecond(answered) }

  /// Requests a second that were answered with what was asked for.
  public var finePerSecond: Double { perSecond(fine) }

  /// The share of the time of its threads that the client was busy: 1 where all were at work all the time.
  public var clientProcessorShare: Double {
    let available = seconds * Double(clientThreads)
    return available > 0 ? clientProcessorSeconds / available : 0
  }

  /// The requests that the plan has in a second; nil in a closed loop.
  public var plannedPerSecond: Double? {
    switch pace {
    case .openLoop(let requestsPerSecond): requestsPerSecond
    case .closedLoop: nil
    }
  }

  private func perSecond(_ count: UInt64) -> Double { seconds > 0 ? Double(count) / seconds : 0 }
}
