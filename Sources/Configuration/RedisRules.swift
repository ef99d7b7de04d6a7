/// Which values of `role` and `redis` go together.
enum RedisRules {
  static func problems(_ reader: SettingsReader) -> [String] {
    let nodes = reader.texts("redis.nodes")
    let isEdge = reader.text("role") == "edge"
    var problems: [String] = []
    if nodes.isEmpty {
      if isEdge {
        problems.append(
          "redis.nodes: is missing; an edge has nothing but Redis to answer from: a list of \"host:port\" is expected")
      }
      let given = ["masterName", "user", "passwordFile", "sentinelUser", "sentinelPasswordFile"].filter {
        reader.optionalText("redis." + $0) != nil
      }
      for key in given { problems.append("redis.\(key): there is no redis.nodes that it could be for") }
    } else {
      for (place, node) in nodes.enumerated() where !isAddress(node) {
        problems.append(
          "redis.nodes[\(place)]: \"\(node)\" is not possible; expected \"host:port\", \"192.0.2.1:6379\" or \"[::1]:6379\""
        )
      }
      problems += topologyProblems(reader, nodes)
    }
    problems += credentialProblems(reader)
    problems += tlsProblems(reader)
    if isEdge, reader.boolean("redis.takeOver") {
      problems.append("redis.takeOver: an edge takes nothing over; it is for an origin")
    }
    return problems
  }

  private static func isAddress(_ text: String) -> Bool {
    guard let colon = text.lastIndex(of: ":") else { return false }
    let host = text[..<colon]
    guard let port = WholeNumber.parse(text[text.index(after: colon)...]), (1...65_535).contains(port) else {
      return false
    }
    if host.hasPrefix("[") { return host.hasSuffix("]") && host.contains(":") }
    return !host.isEmpty && !host.contains(":") && !host.utf8.contains { $0 <= 0x20 }
  }

  private static func topologyProblems(_ reader: SettingsReader, _ nodes: [String]) -> [String] {
    var problems: [String] = []
    let topology = reader.text("redis.topology")
    let name = reader.optionalText("redis.masterName")
    switch topology {
    case "standalone":
      if nodes.count > 1 {
        problems.append(
          "redis.nodes: \(nodes.count) servers, and redis.topology is \"standalone\", which has one; say what they are to "
            + "each other: \"replicas\", \"sentinel\" or \"cluster\"")
      }
      if reader.text("redis.reads") != "master" {
        problems.append("redis.reads: \"\(reader.text("redis.reads"))\" needs replicas; one server alone has none")
      }
    case "replicas":
      if nodes.count < 2 {
        problems.append("redis.nodes: one server; \"replicas\" has the master first and then at least one replica")
      }
    case "sentinel":
      if name == nil {
        problems.append("redis.masterName: is missing; expected what the sentinels call the master (sentinel monitor)")
      }
    default:
      if reader.integer("redis.database") != 0 {
        problems.append("redis.database: \(reader.integer("redis.database")) is not possible; a cluster has 0 alone")
      }
    }
    if topology != "sentinel" {
      if name != nil {
        problems.append("redis.masterName: it is for redis.topology \"sentinel\", which is \"\(topology)\"")
      }
      if reader.optionalText("redis.sentinelPasswordFile") != nil {
        problems.append(
          "redis.sentinelPasswordFile: it is for redis.topology \"sentinel\", which is \"\(topology)\"")
      }
    }
    return problems
  }

  private static func credentialProblems(_ reader: SettingsReader) -> [String] {
    [("redis.user", "redis.passwordFile"), ("redis.sentinelUser", "redis.sentinelPasswordFile")].compactMap {
      user, file in
      guard reader.optionalText(user) != nil, reader.optionalText(file) == nil else { return nil }
      return "\(user): a user without a password; \(file) is expected beside it"
    }
  }

  private static func tlsProblems(_ reader: SettingsReader) -> [String] {
    let keys = ["authority", "certificate", "key", "serverName"].filter {
      reader.optionalText("redis.tls." + $0) != nil
    }
    guard reader.boolean("redis.tls.enabled") else {
      return keys.map { "redis.tls.\($0): redis.tls.enabled is false; expected true beside it" }
    }
    guard keys.contains("certificate") != keys.contains("key") else { return [] }
    return [
      "redis.tls: a certificate and its key belong together; redis.tls.certificate and redis.tls.key are expected"
    ]
  }
}
