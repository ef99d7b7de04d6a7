extension Configuration {
  /// Where a CA's events come from: a webhook, a stream or both.
  public struct Events: Sendable, Hashable {
    /// Files are as written; relative to the configuration file's folder.
    public struct TLS: Sendable, Hashable {
      public var certificate: String
      public var key: String
      public var clientAuthority: String?
    }

    /// Addresses as written; none where no webhook is received.
    public var listen: [String]
    /// Nil where what is received is not encrypted.
    public var tls: TLS?
    /// Nil where no stream is read.
    public var stream: String?
    public var toleranceSeconds: Int
    public var requestBodyBytes: Int
    public var connections: Int
  }
}

extension Configuration.Events {
  /// Nil where nothing is received.
  init?(_ reader: SettingsReader) {
    listen = reader.texts("events.listen")
    stream = reader.optionalText("events.stream")
    guard !listen.isEmpty || stream != nil else { return nil }
    if let certificate = reader.optionalText("events.tls.certificate"), let key = reader.optionalText("events.tls.key")
    {
      tls = Configuration.Events.TLS(
        certificate: certificate, key: key, clientAuthority: reader.optionalText("events.tls.clientAuthority"))
    }
    toleranceSeconds = reader.integer("events.tolerance")
    requestBodyBytes = reader.integer("events.requestBody")
    connections = reader.integer("events.connections")
  }
}

/// Which values of `events` go together.
enum EventRules {
  static func problems(_ configuration: Configuration, _ reader: SettingsReader) -> [String] {
    let keys = [
      (
        source: "events.listen", isThere: configuration.events?.listen.isEmpty == false, key: "events.secretFiles",
        what: "nobody receives events",
        issuers: configuration.issuers.map { !$0.eventSecretFiles.isEmpty }
      ),
      (
        source: "events.stream", isThere: configuration.events?.stream != nil, key: "events.stream",
        what: "no stream is read", issuers: configuration.issuers.map(\.takesStream)
      ),
    ]
    var problems = tlsProblems(reader)
    for (source, isThere, key, what, issuers) in keys {
      let places = issuers.indices.filter { issuers[$0] }
      if configuration.isEdge {
        if isThere { problems.append("\(source): an edge has no store; the origin takes events") }
        problems += places.map { "issuers[\($0)].\(key): an edge has no store; the origin takes events" }
      } else if !isThere {
        problems += places.map { "issuers[\($0)].\(key): \(what): \(source) is missing" }
      } else if places.isEmpty {
        problems.append("\(source): no issuer has \(key), so that every event would be refused")
      }
    }
    if !configuration.isEdge, configuration.events?.stream != nil, configuration.redis == nil {
      problems.append("events.stream: there is no redis.nodes that it could be read from")
    }
    return problems
  }

  private static func tlsProblems(_ reader: SettingsReader) -> [String] {
    func isThere(_ key: String) -> Bool { reader.optionalText("events.tls." + key) != nil }
    var problems: [String] = []
    for (key, other) in [("certificate", "key"), ("key", "certificate"), ("clientAuthority", "certificate")]
    where isThere(key) && !isThere(other) {
      problems.append("events.tls.\(key): events.tls.\(other) is missing beside it")
    }
    if isThere("certificate"), reader.texts("events.listen").isEmpty {
      problems.append("events.tls.certificate: there is no events.listen that it could be for")
    }
    return problems
  }
}
