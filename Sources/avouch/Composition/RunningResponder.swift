import CalendarTime
import Configuration
import EventLoop
import HTTPServer
import OCSP
import OCSPOverHTTP
import OpenSSLCrypto
import Responder
import ResponderRuntime
import SQLiteStore

/// A responder put together from its configuration: store, issuers, runtime, the public server and the control server.
final class RunningResponder: Sendable {
  let runtime: ResponderRuntime
  let server: HTTPServer
  let control: HTTPServer
  private let counters: HandlerCounters
  private let log: TerminalLog
  private let connectionLimit: Int

  init(_ configuration: LoadedConfiguration, log: TerminalLog) throws {
    self.log = log
    connectionLimit = configuration.value.limits.connections
    let settings = configuration.value
    let store = try SQLiteStore(path: configuration.storePath)
    let session = try store.openSession()
    let clock = SystemClock()
    let loader = IssuerLoader(configuration: configuration, now: clock.now())
    var issuers: [Issuer] = []
    for (index, issuer) in settings.issuers.enumerated() {
      let material = try loader.material(issuer)
      for warning in material.warnings { log.warning(warning) }
      issuers.append(try loader.issuer(issuer, index: index, material: material, session: session))
    }
    let runtime = ResponderRuntime(
      issuers: try IssuerTable(issuers), store: store, cacheBytes: settings.cacheBytes, seed: try SecureRandom.number(),
      limits: ResponderRuntime.Limits(settings), clock: clock, hasher: OpenSSLHasher(), log: log)
    self.runtime = runtime
    let counters = HandlerCounters()
    self.counters = counters
    server = try HTTPServer(
      name: "http", addresses: try configuration.listenAddresses(),
      workers: settings.workers == 0 ? Processors.count : settings.workers, isPinned: true,
      limits: ServerLimits(settings.limits)
    ) { completions in
      OCSPHandler(
        runtime: runtime, completions: completions, maximumRequestBytes: settings.limits.requestBodyBytes,
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

  func start() throws {
    let descriptors = DescriptorLimit.raise()
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
    signingThreads = settings.signingThreads == 0 ? Processors.count : settings.signingThreads
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
