import Configuration
import EventLoop
import HTTPServer
import OCSPOverHTTP
import Responder
import Synchronization

/// A responder put together from its configuration: a node, the public server and the control server.
final class RunningResponder: Sendable {
  let node: any ServingNode
  let server: HTTPServer
  let control: HTTPServer
  private let log: TerminalLog
  private let configuration: Mutex<LoadedConfiguration>

  init(_ configuration: LoadedConfiguration, log: TerminalLog) throws {
    self.log = log
    self.configuration = Mutex(configuration)
    let settings = configuration.value
    let node: any ServingNode =
      if settings.isEdge, let redis = settings.redis {
        try EdgeNode(configuration, redis, log: log)
      } else {
        try OriginNode(configuration, log: log)
      }
    self.node = node
    let source = node.source
    let counters = HandlerCounters()
    server = try HTTPServer(
      name: "http", addresses: try configuration.listenAddresses(),
      workers: settings.workers == 0 ? Processors.count : settings.workers, isPinned: true,
      limits: ServerLimits(settings.limits)
    ) { completions in
      OCSPHandler(
        source: source, completions: completions, maximumRequestBytes: settings.limits.requestBodyBytes,
        maximumQuestions: settings.limits.certificatesPerRequest, counters: counters)
    }
    let publicServer = server
    control = try HTTPServer(
      name: "control", addresses: [try configuration.controlAddress()], workers: 1, isPinned: false,
      limits: ServerLimits.control(beside: settings.limits.connections)
    ) { completions in
      ControlHandler(node: node, server: publicServer, handlerCounters: counters, completions: completions)
    }
  }

  /// Reads the configuration again and puts its issuers in force: new ones, new signers, new policies. A configuration
  /// with anything wrong in it changes nothing. What only a start can change is told.
  func reload() {
    configuration.withLock { present in
      do {
        let next = try LoadedConfiguration(path: present.path)
        // As what it was started: another role takes effect at the next start only.
        try node.adopt(LoadedConfiguration(next, keepingStartOf: present))
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
    try node.start()
    server.start()
    control.start()
  }

  /// Answers what is open, then ends everything.
  func stop() {
    server.drain()
    server.waitUntilStopped()
    control.drain()
    control.waitUntilStopped()
    node.stop()
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
