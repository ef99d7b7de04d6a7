import CalendarTime
import Configuration
import EventLoop
import HTTPServer
import OCSP
import OCSPOverHTTP
import OpenSSLCrypto
import PKCS11Signer
import Responder
import ResponderRuntime
import SQLiteStore
import Synchronization

/// A responder put together from its configuration: store, issuers, runtime, the public server and the control server.
final class RunningResponder: Sendable {
  let runtime: ResponderRuntime
  let server: HTTPServer
  let control: HTTPServer
  private let counters: HandlerCounters
  private let log: TerminalLog
  private let lock: FileLock
  private let store: SQLiteStore
  private let configuration: Mutex<LoadedConfiguration>

  init(_ configuration: LoadedConfiguration, log: TerminalLog) throws {
    self.log = log
    self.configuration = Mutex(configuration)
    let settings = configuration.value
    let store = try SQLiteStore(path: configuration.storePath)
    self.store = store
    // Before anything listens: a second responder on one store would tell nobody of the revocations that the first
    // one has acknowledged.
    lock = try RunningResponder.lock(configuration.storePath)
    let directory = try RunningResponder.directory(configuration, store: store, after: nil, log: log)
    let runtime = ResponderRuntime(
      directory: directory, store: store, cacheBytes: settings.cacheBytes, seed: try SecureRandom.number(),
      limits: ResponderRuntime.Limits(settings), clock: SystemClock(), hasher: OpenSSLHasher(), log: log)
    self.runtime = runtime
    let counters = HandlerCounters()
    self.counters = counters
    server = try HTTPServer(
      name: "http", addresses: try configuration.listenAddresses(),
      workers: settings.workers == 0 ? Processors.count : settings.workers, isPinned: true,
      limits: ServerLimits(settings.limits)
    ) { completions in
      OCSPHandler(
        source: runtime, completions: completions, maximumRequestBytes: settings.limits.requestBodyBytes,
        maximumQuestions: settings.limits.certificatesPerRequest, counters: counters)
    }
    let publicServer = server
    control = try HTTPServer(
      name: "control", addresses: [try configuration.controlAddress()], workers: 1, isPinned: false,
      limits: ServerLimits.control(beside: settings.limits.connections)
    ) { completions in
      ControlHandler(
        runtime: runtime, server: publicServer, handlerCounters: counters, completions: completions)
    }
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
    return try IssuerDirectory.make(settings, session: try store.openSession(), now: now, after: previous)
  }

  /// Reads the configuration again and puts its issuers in force: new ones, new signers, new policies. A configuration
  /// with anything wrong in it changes nothing. What only a start can change is told.
  func reload() {
    configuration.withLock { present in
      do {
        let next = try LoadedConfiguration(path: present.path)
        let directory = try RunningResponder.directory(next, store: store, after: runtime.directory, log: log)
        // Somebody may have mended what a token refused. Not before the configuration is known to be good, since the
        // present one would else be what tries; nor behind its adoption, which sets the signing threads going.
        Token.reopenLogins()
        try TokenTrial(log: log).tryChanged(directory, after: runtime.directory)
        runtime.adopt(directory)
        for key in present.value.keysForStart(differingFrom: next.value) {
          log.warning("\(next.path): \(key) has changed, which takes effect at the next start only")
        }
        present = LoadedConfiguration(next, keepingStartOf: present)
        log.info("the configuration was read again: \(next.value.issuers.count) issuers")
      } catch {
        log.warning("the configuration could not be read again, and the one before stays in force:\n\(error)")
      }
    }
  }

  func start() throws {
    let descriptors = DescriptorLimit.raise()
    let connectionLimit = configuration.withLock { $0.value.limits.connections }
    if descriptors < connectionLimit + 256 {
      log.warning(
        "limits.connections is \(connectionLimit), and the system gives this process \(descriptors) descriptors (ulimit -n): "
          + "with more connections some will wait")
    }
    try runtime.start()
    server.start()
    control.start()
  }

  /// Answers what is open, then ends everything.
  func stop() {
    server.drain()
    server.waitUntilStopped()
    control.drain()
    control.waitUntilStopped()
    runtime.stop()
  }
}

extension ResponderRuntime.Limits {
  init(_ settings: Configuration) {
    self.init()
    queueLimit = settings.limits.signingQueue
    deadlineMilliseconds = Int64(settings.limits.questionDeadlineSeconds) * 1000
    retryAfterSeconds = settings.limits.retryAfterSeconds
  }
}

extension ServerLimits {
  init(_ limits: Configuration.Limits) {
    self.init()
    connections = limits.connections
    descriptors = limits.connections + 256 + ServerLimits.otherDescriptors
    headBytes = limits.requestHeadBytes
    // The head's limit is the one that people set: a target may fill nearly all of it (RFC 9112 3 wants 8000).
    targetBytes = max(1024, limits.requestHeadBytes - 192)
    bodyBytes = limits.requestBodyBytes
    // A live answer repeats the request's CertIDs, and has what the records say of each; then its certificates.
    responseBytes =
      (32 << 10) + limits.requestBodyBytes
      + limits.certificatesPerRequest * (CertificateRecord.maximumSingleExtensionOctets + 128)
    headMilliseconds = Int64(limits.headSeconds) * 1000
    bodyMilliseconds = Int64(limits.bodySeconds) * 1000
    idleMilliseconds = Int64(limits.idleSeconds) * 1000
    writeMilliseconds = Int64(limits.writeSeconds) * 1000
    drainMilliseconds = Int64(limits.drainSeconds) * 1000
  }

  /// For the control socket: few clients, who may wait for a revision, and who must get through however many
  /// connections the public server has.
  static func control(beside publicConnections: Int) -> ServerLimits {
    var limits = ServerLimits()
    limits.connections = 256
    limits.descriptors = publicConnections + 256 + ServerLimits.otherDescriptors
    limits.responseBytes = 128 << 10
    limits.drainMilliseconds = 1000
    return limits
  }
}
