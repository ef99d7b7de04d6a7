import CalendarTime
import Configuration
import EventLoop
import Fleet
import RedisCache
import RedisClient
import Responder
import ResponderRuntime

/// A node's connections to Redis.
final class SharedLevel: Sendable {
  let client: RedisClient
  let cache: RedisSharedCache
  let registry: RedisOriginRegistry

  init(_ settings: Configuration.Redis, _ configuration: LoadedConfiguration, log: TerminalLog) throws {
    client = try RedisClient(try RedisSettings(settings, configuration)) { line in
      if line.hasSuffix("connected") { log.info("redis: \(line)") } else { log.warning("redis: \(line)") }
    }
    for warning in RedisSettings.exposures(settings, configuration) { log.warning(warning) }
    var options = RedisSharedCache.Options()
    options.lookupMilliseconds = settings.lookupMilliseconds
    options.writeMilliseconds = settings.writeMilliseconds
    options.streamLength = settings.streamLength
    options.trustsCompleteness = settings.topology != .cluster
    options.readsReplicas = settings.reads != .master
    cache = RedisSharedCache(client, options: options, clock: SystemClock())
    registry = RedisOriginRegistry(client)
  }

  /// Differs from an earlier value where a server may have lost what it had taken: another one has become the master, or the
  /// connection to one was made again.
  var disturbances: UInt64 {
    var hasher = Hasher()
    let masters = client.nodes.filter { $0.role == .master && ($0.state == .ready || $0.reconnects > 0) }
    for master in masters.sorted(by: { "\($0.address)" < "\($1.address)" }) {
      hasher.combine(master.address)
      hasher.combine(master.reconnects)
    }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// Why no master can be reached; nil where one can, or where it is not known yet.
  var outage: String? {
    let nodes = client.nodes.filter { $0.role == .master }
    guard !nodes.isEmpty, nodes.allSatisfy({ $0.state == .down }) else { return nil }
    return nodes.map { "\($0.address): \($0.lastFailure ?? "no connection")" }.joined(separator: "; ")
  }
}

extension FleetLog {
  init(_ log: TerminalLog) {
    self.init(info: { log.info("fleet: \($0)") }, warning: { log.warning("fleet: \($0)") })
  }
}

extension RedisSettings {
  /// Secrets that others than their owner may read, each in a sentence.
  static func exposures(_ settings: Configuration.Redis, _ configuration: LoadedConfiguration) -> [String] {
    [settings.passwordFile, settings.sentinelPasswordFile, settings.tls?.key].compactMap { path in
      path.flatMap { Files.exposure(configuration.resolved($0)) }
    }
  }

  /// - Throws: where a file that it names is not there.
  init(_ settings: Configuration.Redis, _ configuration: LoadedConfiguration) throws(CommandFailure) {
    let nodes = settings.nodes.compactMap { RedisAddress($0) }
    guard let first = nodes.first, nodes.count == settings.nodes.count else {
      throw .no("\(configuration.path): redis.nodes: \"host:port\" is expected")
    }
    let sentinel = try RedisSettings.credentials(
      settings.sentinelUser, settings.sentinelPasswordFile, "redis.sentinelPasswordFile", configuration)
    switch settings.topology {
    case .standalone: self.init(.standalone(first))
    case .replicas: self.init(.replicated(master: first, replicas: Array(nodes.dropFirst())))
    case .sentinel: self.init(.sentinel(nodes, masterName: settings.masterName ?? "", credentials: sentinel))
    case .cluster: self.init(.cluster(seeds: nodes))
    }
    switch settings.reads {
    case .master: reads = .master
    case .replicaWhileMasterIsDown: reads = .replicaWhileMasterIsDown
    case .replicas: reads = .replicas
    }
    database = settings.database
    credentials = try RedisSettings.credentials(
      settings.user, settings.passwordFile, "redis.passwordFile", configuration)
    if let tls = settings.tls {
      self.tls = RedisTLS(
        authorityFile: try RedisSettings.file(tls.authority, "redis.tls.authority", configuration),
        certificateFile: try RedisSettings.file(tls.certificate, "redis.tls.certificate", configuration),
        keyFile: try RedisSettings.file(tls.key, "redis.tls.key", configuration), serverName: tls.serverName)
    }
  }

  private static func credentials(
    _ user: String?, _ file: String?, _ key: String, _ configuration: LoadedConfiguration
  ) throws(CommandFailure) -> RedisCredentials? {
    guard let path = try self.file(file, key, configuration) else { return nil }
    return RedisCredentials(user: user, passwordFile: path)
  }

  private static func file(
    _ path: String?, _ key: String, _ configuration: LoadedConfiguration
  ) throws(CommandFailure) -> String? {
    guard let path else { return nil }
    let resolved = configuration.resolved(path)
    _ = try Files.read(resolved, what: "the file that \(key) names")
    return resolved
  }
}
