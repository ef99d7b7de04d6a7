/// What a node says it is (ROLE).
enum ReportedRole: Sendable, Hashable {
  case master
  case replica(of: RedisAddress?)
  case sentinel

  /// Nil where the reply is none of ROLE's.
  init?(_ reply: RedisValue) {
    guard let parts = reply.elements, let name = parts.first?.text else { return nil }
    switch name {
    case "master": self = .master
    case "slave", "replica":
      self = .replica(
        of: parts.count < 3 ? nil : RedisAddress(host: parts[1].text ?? "", portText: "\(parts[2].integer ?? 0)"))
    case "sentinel": self = .sentinel
    default: return nil
    }
  }
}

/// Replies and messages of Sentinel.
enum SentinelReply {
  /// SENTINEL GET-MASTER-ADDR-BY-NAME. Nil where the sentinel knows no such master.
  static func master(_ reply: RedisValue) -> RedisAddress? {
    guard let parts = reply.elements, parts.count == 2, let host = parts[0].text, let port = parts[1].text else {
      return nil
    }
    return RedisAddress(host: host, portText: port)
  }

  /// SENTINEL REPLICAS: those that the sentinel reaches. Nil where the reply is none of it.
  static func replicas(_ reply: RedisValue, maximum: Int) -> [RedisAddress]? {
    guard let replicas = reply.elements else { return nil }
    return Array(replicas.compactMap(replica).prefix(maximum))
  }

  private static func replica(_ fields: RedisValue) -> RedisAddress? {
    guard let words = fields.elements, words.count % 2 == 0 else { return nil }
    var values: [String: String] = [:]
    for place in stride(from: 0, to: words.count, by: 2) {
      guard let name = words[place].text, let value = words[place + 1].text else { return nil }
      values[name] = value
    }
    let flags = (values["flags"] ?? "").split(separator: ",")
    guard !flags.contains(where: { ["s_down", "o_down", "disconnected"].contains($0) }) else { return nil }
    return RedisAddress(host: values["ip"] ?? "", portText: values["port"] ?? "")
  }

  /// The payload of `+switch-master`: `name old-host old-port new-host new-port`. Nil for another master's.
  static func switched(_ payload: String, masterName: String) -> RedisAddress? {
    let words = payload.split(separator: " ")
    guard words.count == 5, words[0] == masterName else { return nil }
    return RedisAddress(host: String(words[3]), portText: String(words[4]))
  }

  /// Channel and payload of a message that came by subscription.
  static func message(_ value: RedisValue) -> (channel: String, payload: String)? {
    guard let parts = value.elements, parts.count == 3, parts[0].text == "message", let channel = parts[1].text,
      let payload = parts[2].text
    else { return nil }
    return (channel, payload)
  }
}
