import CalendarTime
import Configuration
import EventLoop
import Fleet
import Metrics
import OpenSSLCrypto
import RedisCache
import RedisClient
import Responder
import ResponderRuntime
import Synchronization

/// A node without store and keys: it answers from memory, and from what the origin has put into Redis.
final class EdgeNode: ServingNode {
  private static let longestStartMilliseconds: Int64 = 2000
  private static let sweepMilliseconds: Int64 = 50
  private static let longestSilenceSeconds: Int64 = 10
  let edge: EdgeResponder
  let follower: UpdateFollower
  let level: SharedLevel
  private let log: TerminalLog
  private let checkAfterMilliseconds: Int64
  private let closing = GrowingValue()
  private let sweeper = Mutex<NamedThread?>(nil)

  init(_ configuration: LoadedConfiguration, _ redis: Configuration.Redis, log: TerminalLog) throws {
    self.log = log
    let settings = configuration.value
    checkAfterMilliseconds = Int64(redis.checkAfterSeconds) * 1000
    level = try SharedLevel(redis, configuration, log: log)
    var limits = EdgeResponder.Limits()
    limits.questionLimit = settings.limits.signingQueue
    limits.deadlineMilliseconds = Int64(settings.limits.questionDeadlineSeconds) * 1000
    limits.retryAfterSeconds = settings.limits.retryAfterSeconds
    edge = EdgeResponder(
      directory: try IssuerDirectory.ofEdge(
        try EdgeNode.issuers(configuration), surrogateKeyFields: configuration.surrogateKeyFields),
      shared: level.cache, cacheBytes: settings.cacheBytes, seed: try SecureRandom.number(), limits: limits,
      clock: SystemClock(), hasher: OpenSSLHasher())
    follower = UpdateFollower(edge, log: FleetLog(log))
  }

  private static func issuers(_ configuration: LoadedConfiguration) throws -> [IssuerSettings] {
    let loader = IssuerLoader(configuration: configuration, now: SystemClock().now(), untimely: .warnedOf)
    return try configuration.value.issuers.map { try loader.edgeSettings($0) }
  }

  func adopt(_ configuration: LoadedConfiguration) throws {
    try edge.adopt(try EdgeNode.issuers(configuration), surrogateKeyFields: configuration.surrogateKeyFields)
  }

  // MARK: - Life

  func start() throws {
    try level.client.start()
    level.cache.follow(follower)
    let thread = NamedThread(name: "sweep") { [self] in
      while !closing.wait(for: 1, milliseconds: EdgeNode.sweepMilliseconds) {
        edge.sweepOverdue()
        // What is in memory may be older than what the others know.
        edge.cache.doubt(follower.deafness.map { $0.milliseconds >= checkAfterMilliseconds } ?? false)
      }
    }
    sweeper.withLock { $0 = thread }
  }

  func stop() {
    closing.raise(to: 1)
    sweeper.withLock { $0.take() }?.join()
    level.client.stop()
    edge.close()
  }

  // MARK: - What is told of it

  var source: any AnswerSource { edge }
  var revisions: (any AppliedRevisions)? { nil }
  var hasLostThreads: Bool { false }

  /// Not ready while it cannot hear what changes: what it has in memory may be out of date without its knowing.
  var readiness: Readiness {
    var reasons: [String] = []
    var warnings: [String] = []
    if let deafness = follower.deafness {
      let seconds = deafness.milliseconds / 1000
      reasons.append("the stream of updates has not been heard for \(seconds) s: \(deafness.why)")
      if edge.cache.isDoubted { warnings.append("answers in memory are looked up in Redis before they are given") }
    }
    let silence = follower.silenceMilliseconds / 1000
    if reasons.isEmpty, silence >= EdgeNode.longestSilenceSeconds {
      warnings.append(
        "no origin has been heard for \(silence) s: nothing new is signed, and revocations do not get here")
    }
    return Readiness(reasons: reasons, warnings: warnings, revision: nil)
  }

  // It has no store that an event could change.
  var eventAddresses: [ListenAddress] { [] }
  var areEventsEncrypted: Bool { false }

  func addMetrics(_ page: inout ExpositionText) { EdgeMetrics.add(self, to: &page) }

  func waitUntilStarted(milliseconds: Int64) -> Bool {
    let end = MonotonicTime.now().advanced(byMilliseconds: milliseconds)
    while follower.deafness != nil {
      if closing.wait(for: 1, milliseconds: 10) || MonotonicTime.now() >= end { return false }
    }
    return true
  }

  var startProgress: StartProgress {
    StartProgress(
      done: 0, planned: nil, isMoving: false,
      summary: "\(edge.directory.issuers.issuers.count) issuers, answers from Redis")
  }
}
