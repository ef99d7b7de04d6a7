import CalendarTime
import Configuration
import EventLoop
import Feeds
import Metrics
import OpenSSLCrypto
import PKCS11Signer
import Purge
import Responder
import ResponderRuntime
import SQLiteStore

/// A node with a status store and keys: the runtime that signs, and its part in a fleet where there is one.
final class OriginNode: ServingNode {
  let runtime: ResponderRuntime
  private let fleet: OriginFleet?
  private let events: OriginEvents?
  private let crls: CRLWatcher
  private let purging: OriginPurging
  private let log: TerminalLog
  private let lock: FileLock
  private let store: SQLiteStore

  init(_ configuration: LoadedConfiguration, log: TerminalLog) throws {
    self.log = log
    let settings = configuration.value
    let store = try SQLiteStore(path: configuration.storePath)
    self.store = store
    // Before anything listens: a second responder on one store would tell nobody of the revocations that the first
    // one has acknowledged.
    lock = try OriginNode.lock(configuration.storePath)
    let directory = try OriginNode.directory(configuration, store: store, after: nil, log: log)
    let purging = OriginPurging(store, log: log)
    self.purging = purging
    let fleet = try settings.redis.map { redis in
      try OriginFleet(redis, configuration, log: log) { purging.ring() }
    }
    let runtime = ResponderRuntime(
      directory: directory, store: store, cacheBytes: settings.cacheBytes, seed: try SecureRandom.number(),
      limits: ResponderRuntime.Limits(settings), clock: SystemClock(), hasher: OpenSSLHasher(), log: log,
      receiver: fleet?.publisher, onApplied: { purging.ring() })
    self.fleet = fleet
    self.runtime = runtime
    events = try settings.events.map {
      try OriginEvents(
        $0, configuration, store: store, runtime: runtime, log: log)
    }
    crls = try CRLWatcher(
      store: store, revisions: runtime, cache: runtime.cache, clock: SystemClock(), log: CRLLog(log))
    crls.adopt(try CRLFeeds.make(configuration, directory))
    try purging.adopt(try PurgeParties(configuration, directory), directory)
  }

  private static func lock(_ storePath: String) throws -> FileLock {
    do {
      return try FileLock(path: storePath + ".lock")
    } catch FileLockError.held(_, let holder) {
      let process = holder.map { "process \($0)" } ?? "another process"
      throw CommandFailure.no(
        "\(storePath): \(process) serves from this store already; one responder serves from a store")
    } catch FileLockError.inaccessible(let path, let reason) {
      throw CommandFailure.no("\(path): cannot be locked: \(reason)")
    }
  }

  /// Reads what a configuration names, and gives everything its number.
  private static func directory(
    _ configuration: LoadedConfiguration, store: SQLiteStore, after previous: IssuerDirectory?, log: TerminalLog
  ) throws -> IssuerDirectory {
    let now = SystemClock().now()
    let loader = IssuerLoader(configuration: configuration, now: now, untimely: .warnedOf)
    var settings: [IssuerSettings] = []
    for issuer in configuration.value.issuers {
      let material = try loader.material(issuer)
      for warning in material.warnings { log.warning(warning) }
      settings.append(loader.settings(issuer, material: material))
    }
    return try IssuerDirectory.make(
      settings, session: try store.openSession(), now: now, after: previous,
      surrogateKeyFields: configuration.surrogateKeyFields)
  }

  func adopt(_ configuration: LoadedConfiguration) throws {
    let directory = try OriginNode.directory(configuration, store: store, after: runtime.directory, log: log)
    // Before anything is in force: a file with secrets may be wrong.
    let parties = try EventParties(configuration, directory)
    let purged = try PurgeParties(configuration, directory)
    let feeds = try CRLFeeds.make(configuration, directory)
    // Somebody may have mended what a token refused. Not before the configuration is known to be good, since the
    // present one would else be what tries; nor behind its adoption, which sets the signing threads going.
    Token.reopenLogins()
    try TokenTrial(log: log).tryChanged(directory, after: runtime.directory)
    try events?.reloadTLS()
    try purging.adopt(purged, directory)
    crls.adopt(feeds)
    runtime.adopt(directory)
    events?.replace(parties)
  }

  func start() throws {
    // Before anything is signed: another node may be the origin.
    try fleet?.start(runtime, store, lock)
    try runtime.start()
    purging.start(runtime, fleet)
    try crls.start()
    try events?.start()
  }

  func stop() {
    events?.stop()
    crls.stop()
    purging.stop()
    runtime.stop()
    fleet?.stop()
  }

  // MARK: - What is told of it

  var source: any AnswerSource { runtime }
  var revisions: (any AppliedRevisions)? { runtime }
  var hasLostThreads: Bool { runtime.hasLostThreads }
  var readiness: Readiness { Readiness(runtime, fleet, events, crls, purging) }
  var eventAddresses: [ListenAddress] { events?.addresses ?? [] }
  var areEventsEncrypted: Bool { events?.isEncrypted ?? false }

  func addMetrics(_ page: inout ExpositionText) {
    MetricsPage.add(runtime, to: &page)
    CRLMetrics.add(crls.reports, now: SystemClock().now(), to: &page)
    PurgeMetrics.add(purging.purger.reports, now: SystemClock().now(), to: &page)
    if let fleet { FleetMetrics.add(fleet, to: &page) }
    events?.addMetrics(&page)
  }

  func waitUntilStarted(milliseconds: Int64) -> Bool { runtime.waitUntilStarted(milliseconds: milliseconds) }

  var startProgress: StartProgress {
    let counters = runtime.counters
    let planned = runtime.plannedAnswers
    return StartProgress(
      done: Int(counters.loaded.current + counters.presigned.current), planned: planned > 0 ? Int(planned) : nil,
      isMoving: runtime.suspensionReason == nil,
      summary: "\(Count.text(Int(runtime.certificatesAtStart), "certificates")), "
        + "\(Count.text(Int(counters.loaded.current), "answers")) loaded, \(counters.presigned.current) signed")
  }
}

extension ResponderRuntime.Limits {
  init(_ settings: Configuration) {
    self.init()
    queueLimit = settings.limits.signingQueue
    deadlineMilliseconds = Int64(settings.limits.questionDeadlineSeconds) * 1000
    longestWaitMilliseconds = Int64(settings.limits.signingWaitMilliseconds)
    retryAfterSeconds = settings.limits.retryAfterSeconds
    loadingThreads = Processors.count
  }
}
