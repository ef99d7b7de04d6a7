extension Configuration {
  /// The level that the nodes of a fleet share.
  public struct Redis: Sendable, Hashable {
    public enum Topology: String, Sendable, Hashable {
      case standalone, replicas, sentinel, cluster
    }

    public enum Reads: String, Sendable, Hashable {
      case master, replicaWhileMasterIsDown, replicas
    }

    /// What an origin pushes.
    public enum Push: Sendable, Hashable {
      case all
      case demand
      /// What was asked for within so many seconds.
      case recent(seconds: Int)
    }

    /// Files are as written; relative to the configuration file's folder.
    public struct TLS: Sendable, Hashable {
      public var authority: String?
      public var certificate: String?
      public var key: String?
      public var serverName: String?
    }

    /// `host:port` each; at least one.
    public var nodes: [String]
    public var topology: Topology
    public var masterName: String?
    public var reads: Reads
    public var database: Int
    public var user: String?
    public var passwordFile: String?
    public var sentinelUser: String?
    public var sentinelPasswordFile: String?
    /// Nil where connections are not encrypted.
    public var tls: TLS?
    public var lookupMilliseconds: Int
    public var writeMilliseconds: Int
    public var push: Push
    public var streamLength: Int
    public var checkAfterSeconds: Int
    public var leaseSeconds: Int
    public var takesOver: Bool
  }
}

extension Configuration.Redis {
  init(_ reader: SettingsReader) {
    nodes = reader.texts("redis.nodes")
    topology = Topology(rawValue: reader.text("redis.topology")) ?? .standalone
    masterName = reader.optionalText("redis.masterName")
    reads = Reads(rawValue: reader.text("redis.reads")) ?? .master
    database = reader.integer("redis.database")
    user = reader.optionalText("redis.user")
    passwordFile = reader.optionalText("redis.passwordFile")
    sentinelUser = reader.optionalText("redis.sentinelUser")
    sentinelPasswordFile = reader.optionalText("redis.sentinelPasswordFile")
    tls = reader.boolean("redis.tls.enabled") ? TLS(reader) : nil
    lookupMilliseconds = reader.integer("redis.lookupDeadline")
    writeMilliseconds = reader.integer("redis.writeDeadline")
    switch reader.text("redis.push") {
    case "demand": push = .demand
    case "recent": push = .recent(seconds: reader.integer("redis.recent"))
    default: push = .all
    }
    streamLength = reader.integer("redis.streamLength")
    checkAfterSeconds = reader.integer("redis.checkAfter")
    leaseSeconds = reader.integer("redis.lease")
    takesOver = reader.boolean("redis.takeOver")
  }
}

extension Configuration.Redis.TLS {
  init(_ reader: SettingsReader) {
    authority = reader.optionalText("redis.tls.authority")
    certificate = reader.optionalText("redis.tls.certificate")
    key = reader.optionalText("redis.tls.key")
    serverName = reader.optionalText("redis.tls.serverName")
  }
}
