/// Everything a client is told. Times are milliseconds, sizes octets.
public struct RedisSettings: Sendable {
  /// How the nodes belong together.
  public enum Topology: Sendable {
    case standalone(RedisAddress)
    /// A master and its replicas, which stay what they are.
    case replicated(master: RedisAddress, replicas: [RedisAddress])
    /// Sentinels say which node is the master. Their credentials are their own.
    case sentinel([RedisAddress], masterName: String, credentials: RedisCredentials?)
    /// Any nodes of a Redis Cluster: they know the others.
    case cluster(seeds: [RedisAddress])
  }

  /// Who answers commands that only read.
  public enum Reads: Sendable, Hashable {
    case master
    /// A replica, while the master is down.
    case replicaWhileMasterIsDown
    /// Replicas in turns; the master while none is there. They answer with what they have so far.
    case replicas
  }

  public var topology: Topology
  public var reads = Reads.master
  public var credentials: RedisCredentials?
  /// Nil speaks without TLS. Sentinels are spoken to in the same way.
  public var tls: RedisTLS?
  /// What CLIENT LIST shows; no blanks.
  public var clientName = "avouch"
  /// Redis Cluster has 0 alone.
  public var database = 0
  public var times = Times()
  public var bounds = Bounds()

  public init(_ topology: Topology) {
    self.topology = topology
  }

  public struct Times: Sendable {
    /// From the start of a connection until it is ready: name, TCP, TLS, login.
    public var connecting = 1000
    /// A server that owes replies and sends nothing for so long is down. Nothing that runs longer in the server (it
    /// does one thing at a time) should be asked of it.
    public var silence = 500
    /// A connection on which nothing happened for so long is tried with PING.
    public var idle = 500
    public var firstPause = 50
    public var longestPause = 5000
    /// Between questions about who the master is, or about the cluster's slots, while something is missing. The tenth
    /// part as often while nothing is.
    public var lookAgain = 1000

    public init() {}
  }

  public struct Bounds: Sendable {
    /// Commands without reply, of all nodes, and their octets.
    public var commands = 65_536
    public var octets = 64 << 20
    /// Commands that one connection has sent and that are not answered.
    public var unanswered = 16_384
    /// One reply. A longer one ends its connection.
    public var replyOctets = 16 << 20
    /// Deadlines in a row after which a node counts as down.
    public var deadlinesInARow = 5
    /// Nodes of a cluster, replicas of a master.
    public var nodes = 1024

    public init() {}
  }
}

/// Who the client is to the server (AUTH). The password itself is never kept: it is read whenever a connection is made,
/// so that a changed file counts from then on.
public struct RedisCredentials: Sendable, Hashable {
  /// Nil for the user `default`.
  public var user: String?
  /// The whole file without its last line end is the password.
  public var passwordFile: String

  public init(user: String? = nil, passwordFile: String) {
    self.user = user
    self.passwordFile = passwordFile
  }
}

/// How TLS is spoken: 1.2 or later, and never without checking the server's certificate. Files are read whenever a
/// connection is made.
public struct RedisTLS: Sendable, Hashable {
  /// PEM; nil trusts what the system trusts.
  public var authorityFile: String?
  /// PEM, the chain behind the certificate; both or none.
  public var certificateFile: String?
  /// PEM, not encrypted.
  public var keyFile: String?
  /// The name in the servers' certificates, where it is not the host of the address.
  public var serverName: String?

  public init(
    authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, serverName: String? = nil
  ) {
    self.authorityFile = authorityFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.serverName = serverName
  }
}
