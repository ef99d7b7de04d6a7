extension SettingsTable {
  /// What makes a node part of a fleet.
  static let fleet: [Setting] = [
    Setting(
      "role", .choice(["origin", "edge"]), "origin",
      "`origin` has the store and the keys; `edge` has neither, and answers from memory and from Redis."),
    Setting(
      "redis.nodes", .texts,
      "Redis servers, `host:port` each; left out, the node stands alone. What they are to each other says `redis.topology`."
    ),
    Setting(
      "redis.topology", .choice(["standalone", "replicas", "sentinel", "cluster"]), "standalone",
      "`standalone`: one server; `replicas`: a master and then its replicas; `sentinel`: the sentinels of one master; `cluster`: any nodes of a Redis Cluster."
    ),
    Setting("redis.masterName", .text, "With `sentinel`: what the sentinels call the master."),
    Setting(
      "redis.reads", .choice(["master", "replicaWhileMasterIsDown", "replicas"]), "master",
      "Which servers are asked for answers. Replicas answer with what they have so far."),
    Setting("redis.database", .integer(0...1_000_000), "0", "The number of the database; a cluster has 0 alone."),
    Setting("redis.user", .text, "The ACL user; left out, `default`."),
    Setting("redis.passwordFile", .text, "A file that holds the password. It is read at every connection."),
    Setting("redis.sentinelUser", .text, "The ACL user at the sentinels."),
    Setting("redis.sentinelPasswordFile", .text, "A file that holds the password for the sentinels."),
    Setting(
      "redis.tls.enabled", .boolean, "false", "Whether connections are encrypted; the server's certificate is verified."
    ),
    Setting(
      "redis.tls.authority", .text, "CA certificates that vouch for the servers, PEM; left out, those of the system."),
    Setting("redis.tls.certificate", .text, "The client's certificate, PEM, where the servers want one."),
    Setting("redis.tls.key", .text, "The key of the client's certificate, PEM."),
    Setting(
      "redis.tls.serverName", .text, "The name in the servers' certificates; left out, the host of `redis.nodes`."),
    Setting(
      "redis.lookupDeadline", .milliseconds(5...10_000), "100ms",
      "How long a question waits for Redis; then memory has to do, or the answer is tryLater."),
    Setting(
      "redis.writeDeadline", .milliseconds(100...60_000), "2s", "How long a write may take before it is sent again."),
    Setting(
      "redis.push", .choice(["all", "demand", "recent"]), "all",
      "What an origin pushes. `all`: every answer that is signed ahead; `demand`: what was asked for; `recent`: what was asked for, and its renewals for `redis.recent`."
    ),
    Setting(
      "redis.recent", .duration(60...365 * 86_400, words: []), "7d",
      "With `recent`: how long after a question its answer is still renewed in Redis."),
    Setting(
      "redis.streamLength", .integer(1000...10_000_000), "20000",
      "Entries that the stream of updates keeps, about. A node that missed more begins anew."),
    Setting(
      "redis.checkAfter", .duration(1...86_400, words: []), "5s",
      "An edge that has not heard the stream of updates for so long looks its answers up in Redis before it gives them."
    ),
    Setting(
      "redis.lease", .duration(3...600, words: []), "10s",
      "How long an origin that is gone keeps its place. Another one must wait so long."),
    Setting(
      "redis.takeOver", .boolean, "false",
      "Whether this origin's store replaces that of the origin before. For one start, by an operator's decision."),
  ]
}
