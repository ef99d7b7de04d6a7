import CalendarTime
import Configuration
import EventLoop
import Fleet
import Glibc
import OpenSSLCrypto
import RedisCache
import RedisClient
import Responder
import ResponderRuntime
import SQLiteStore
import Synchronization

/// An origin's part in a fleet: the lease, and the thread that shares what the runtime signs.
final class OriginFleet: Sendable {
  /// So long a start waits to hear whether another node is the origin; with Redis down it goes on by itself.
  private static let longestWaitMilliseconds: Int64 = 3000
  /// So long an end waits until what was signed has been sent.
  private static let drainMilliseconds: Int64 = 2000
  private static let turnMilliseconds: Int64 = 50
  let level: SharedLevel
  let publisher: AnswerPublisher
  let wanted: WantedAnswers
  let settings: Configuration.Redis
  private let log: TerminalLog
  private let signal = ThreadSignal()
  private let closing = GrowingValue()
  /// 1 once it is known whether this node is the origin, or that nobody can be asked.
  private let decided = GrowingValue()
  private let running = Mutex<(runtime: ResponderRuntime, origin: FleetOrigin)?>(nil)
  private let thread = Mutex<NamedThread?>(nil)

  /// - Parameter onTold: called by any thread where other nodes have been told of changes; must not block.
  init(
    _ settings: Configuration.Redis, _ configuration: LoadedConfiguration, log: TerminalLog,
    onTold: @escaping @Sendable () -> Void
  ) throws {
    self.settings = settings
    self.log = log
    level = try SharedLevel(settings, configuration, log: log)
    let parts = Parts()
    let window: Int64? =
      switch settings.push {
      case .all: nil
      // For as long as it may take to be signed.
      case .demand: Int64(configuration.value.limits.questionDeadlineSeconds) * 1000
      case .recent(let seconds): Int64(seconds) * 1000
      }
    wanted = WantedAnswers(
      milliseconds: window, clock: SystemClock(), source: { parts.runtime }, publisher: { parts.publisher })
    publisher = AnswerPublisher(
      shared: level.cache, directory: { parts.directory }, limits: AnswerPublisher.Limits(), clock: SystemClock(),
      hasher: OpenSSLHasher(), selection: wanted, onWork: { [signal] in signal.ring() }, onTold: onTold)
    parts.set(publisher: publisher)
    self.parts = parts
  }

  /// What the parts have of each other, which is there once all are made.
  private final class Parts: Sendable {
    private let held = Mutex<(runtime: ResponderRuntime?, publisher: AnswerPublisher?)>((nil, nil))

    var runtime: ResponderRuntime? { held.withLock { $0.runtime } }
    var publisher: AnswerPublisher? { held.withLock { $0.publisher } }
    var directory: IssuerDirectory {
      guard let runtime else { preconditionFailure("nothing is published before the start") }
      return runtime.directory
    }

    func set(runtime: ResponderRuntime) { held.withLock { $0.runtime = runtime } }
    func set(publisher: AnswerPublisher) { held.withLock { $0.publisher = publisher } }
  }

  private let parts: Parts

  // MARK: - Life

  /// Connects, and waits a moment to know whether this node is the origin.
  ///
  /// - Parameter lock: on the store: whoever held it before has ended, however that was.
  func start(_ runtime: ResponderRuntime, _ store: SQLiteStore, _ lock: FileLock) throws {
    parts.set(runtime: runtime)
    let session = try store.openSession()
    let identity = try session.storeIdentity()
    let revision = try session.latestRevision()
    let name = OriginFleet.name
    let process = Array(try (lock.identity ?? "\(SecureRandom.number())").utf8)
    let lease = OriginLease(
      registry: level.registry, leaseMilliseconds: Int64(settings.leaseSeconds) * 1000, takesOver: settings.takesOver,
      clock: SystemClock()
    ) {
      OriginClaim(
        storeIdentity: identity, name: name, process: process, revision: max(revision, runtime.appliedRevision))
    }
    let origin = FleetOrigin(
      lease: lease, publisher: publisher, shared: level.cache, supply: try RuntimeAnswerSupply(runtime),
      directory: { runtime.directory }, vouches: settings.push == .all, disturbances: { [level] in level.disturbances },
      clock: SystemClock(), hasher: OpenSSLHasher(),
      gate: FleetOrigin.Gate(close: { runtime.suspend($0) }, open: { runtime.resume() }),
      log: FleetLog(log))
    if settings.takesOver {
      log.warning("redis.takeOver is set: this store leads whatever the fleet was told by another; take it out again")
    }
    running.withLock { $0 = (runtime, origin) }
    try level.client.start()
    level.cache.followWants(wanted)
    let thread = NamedThread(name: "share") { [self] in run(origin) }
    self.thread.withLock { $0 = thread }
    _ = decided.wait(for: 1, milliseconds: OriginFleet.longestWaitMilliseconds)
  }

  private func run(_ origin: FleetOrigin) {
    while closing.current == 0 {
      let hasWorked = origin.turn()
      noteDecision(origin.status)
      if !hasWorked { signal.wait(milliseconds: OriginFleet.turnMilliseconds) }
    }
    // What was signed last may be a revocation.
    let end = MonotonicTime.now().advanced(byMilliseconds: OriginFleet.drainMilliseconds)
    while !publisher.isSettled, publisher.failure == nil, MonotonicTime.now() < end {
      if !origin.turn() { signal.wait(milliseconds: 10) }
    }
    let released = GrowingValue()
    origin.release { released.raise(to: 1) }
    // The connection ends next, and a successor would have to wait for the end of the lease.
    _ = released.wait(for: 1, milliseconds: OriginFleet.drainMilliseconds)
  }

  private func noteDecision(_ status: OriginLease.Status) {
    guard decided.current == 0 else { return }
    if case .seeking(why: nil) = status { return }
    decided.raise(to: 1)
  }

  func stop() {
    closing.raise(to: 1)
    signal.ring()
    thread.withLock { $0.take() }?.join()
    level.client.stop()
  }

  private static var name: String {
    var octets = [CChar](repeating: 0, count: 256)
    let isKnown = unsafe gethostname(&octets, octets.count - 1) == 0
    let host =
      isKnown
      ? String(decoding: octets.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "unknown host"
    return "\(host) (process \(getpid()))"
  }

  // MARK: - What is told of it

  var status: OriginLease.Status { running.withLock { $0?.origin.status } ?? .seeking(why: nil) }
  var completeIssuers: Int { running.withLock { $0?.origin.completeIssuers } ?? 0 }

  /// What an operator should know, each in a sentence.
  var troubles: [String] {
    var troubles: [String] = []
    if let outage = level.outage {
      troubles.append("Redis cannot be reached, and other nodes hear nothing of this one: \(outage)")
    } else if case .seeking(let why?) = status {
      troubles.append("this node is not the origin of the fleet at present: \(why)")
    } else if let failure = publisher.failure {
      troubles.append("answers do not get into Redis: \(failure)")
    }
    return troubles
  }
}
