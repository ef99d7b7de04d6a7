extension Configuration {
  /// Where a CA's events are received.
  public struct Events: Sendable, Hashable {
    /// Addresses as written; at least one.
    public var listen: [String]
    public var toleranceSeconds: Int
    public var requestBodyBytes: Int
    public var connections: Int
  }
}

extension Configuration.Events {
  /// Nil where nothing is received.
  init?(_ reader: SettingsReader) {
    listen = reader.texts("events.listen")
    guard !listen.isEmpty else { return nil }
    toleranceSeconds = reader.integer("events.tolerance")
    requestBodyBytes = reader.integer("events.requestBody")
    connections = reader.integer("events.connections")
  }
}

/// Which values of `events` go together.
enum EventRules {
  static func problems(_ configuration: Configuration) -> [String] {
    var problems: [String] = []
    let withSecrets = configuration.issuers.enumerated().filter { !$0.element.eventSecretFiles.isEmpty }
    if configuration.isEdge {
      if configuration.events != nil { problems.append("events.listen: an edge has no store; the origin takes events") }
      for (place, _) in withSecrets {
        problems.append("issuers[\(place)].events.secretFiles: an edge has no store; the origin takes events")
      }
      return problems
    }
    if configuration.events == nil {
      for (place, _) in withSecrets {
        problems.append("issuers[\(place)].events.secretFiles: nobody receives events: events.listen is missing")
      }
    } else if withSecrets.isEmpty {
      problems.append("events.listen: no issuer has events.secretFiles, so that every event would be refused")
    }
    return problems
  }
}
