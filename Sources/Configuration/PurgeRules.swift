/// Which values of `purge`, `surrogateKeys` and `issuers[].urls` go together.
enum PurgeRules {
  static func problems(_ configuration: Configuration, _ reader: SettingsReader) -> [String] {
    var problems = urlProblems(configuration) + fieldProblems(configuration.surrogateKeyFields)
    guard !configuration.purge.isEmpty else { return problems }
    guard !configuration.isEdge else {
      return problems + ["purge: an edge has no part in it; the origin purges"]
    }
    problems += Rules.nameProblems(configuration.purge.map(\.name), .purge)
    for (purge, path) in zip(configuration.purge, reader.paths(.purge)) {
      problems += driverProblems(purge, reader, path)
      problems += reachProblems(purge, path)
      problems += keyProblems(purge, fields: configuration.surrogateKeyFields, path)
      problems += PurgeRequestRules.problems(purge, reader, fields: configuration.surrogateKeyFields, path)
    }
    return problems + missingURLProblems(configuration)
  }

  // MARK: - What answers are asked for under, and what they carry

  private static func urlProblems(_ configuration: Configuration) -> [String] {
    var problems: [String] = []
    for (number, issuer) in configuration.issuers.enumerated() {
      let path = "issuers[\(number)].urls"
      for (place, url) in issuer.urls.enumerated() {
        if let other = issuer.urls[..<place].firstIndex(of: url) {
          problems.append("\(path): [\(place)] is the same as [\(other)]; each URL once is expected")
        }
        guard let parts = URLParts(url), parts.scheme == "http", parts.isPlain else {
          problems.append(
            "\(path): '\(url)' at [\(place)] is not possible; expected http://host/, http://host:port/ or "
              + "http://host/path, without query and fragment")
          continue
        }
      }
    }
    return problems
  }

  private static func fieldProblems(_ fields: [String]) -> [String] {
    fields.indices.compactMap { place in
      fields[..<place].firstIndex(of: fields[place]).map {
        "surrogateKeys: [\(place)] is the same as [\($0)]; each field once is expected"
      }
    }
  }

  private static func missingURLProblems(_ configuration: Configuration) -> [String] {
    guard let place = configuration.purge.firstIndex(where: \.needsURLs) else { return [] }
    let purge = configuration.purge[place]
    let what =
      purge.isByKey
      ? "fetches answers after a purge (check is \"\(purge.check.rawValue)\")"
      : "purges by URL"
    return configuration.issuers.indices.filter { configuration.issuers[$0].urls.isEmpty }.map {
      "issuers[\($0)].urls: is missing; purge[\(place)] ('\(purge.name)') \(what): a list of the URLs under which the "
        + "issuer's answers are asked for is expected"
    }
  }

  // MARK: - What the drivers need, and what they know nothing of

  private static func driverProblems(
    _ purge: Configuration.Purge, _ reader: SettingsReader, _ path: String
  ) -> [String] {
    let driver = purge.driver.rawValue
    var problems: [String] = []
    let isAtOwnPlace = purge.driver == .varnish || purge.driver == .nginx
    if purge.endpoint == nil, isAtOwnPlace {
      problems.append("\(path).endpoint: is missing; \(driver) needs http://host:port or https://host:port")
    }
    if purge.endpoint != nil, purge.driver == .http {
      problems.append("\(path).endpoint: the driver http has its place in \(path).request.url")
    }
    let hasServices = purge.driver == .fastly || purge.driver == .cloudflare
    if let service = purge.service {
      if !hasServices {
        problems.append("\(path).service: \(driver) has none; it is for fastly and cloudflare")
      } else if !isIdentifier(service) {
        problems.append("\(path).service: '\(service)' is not possible; expected letters, digits, '_' and '-'")
      }
    } else if purge.driver == .cloudflare {
      problems.append("\(path).service: is missing; cloudflare needs the zone's ID")
    } else if purge.driver == .fastly, purge.isByKey {
      problems.append("\(path).service: is missing; fastly needs the service's ID to purge by key")
    }
    if purge.secretFile == nil, hasServices || purge.driver == .akamai {
      let what = purge.driver == .akamai ? "a file as .edgerc" : "a file that holds an API token"
      problems.append("\(path).secretFile: is missing; \(driver) needs \(what)")
    }
    if reader.given.contains(path + ".network"), purge.driver != .akamai {
      problems.append("\(path).network: \(driver) has no such networks; it is for akamai")
    }
    return problems
  }

  private static func reachProblems(_ purge: Configuration.Purge, _ path: String) -> [String] {
    var problems: [String] = []
    if let endpoint = purge.endpoint {
      let isProxy = purge.driver == .varnish || purge.driver == .nginx
      if isProxy ? !isPrefix(endpoint) : !isOrigin(endpoint, ["http", "https"]) {
        let more = isProxy ? ", with a path where purges have one" : ", and nothing behind it"
        problems.append(
          "\(path).endpoint: '\(endpoint)' is not possible; expected http://host:port or https://host:port\(more)")
      }
    }
    if let place = purge.checkAt {
      if purge.check == .none {
        problems.append("\(path).checkAt: \(path).check is \"none\", so that nothing is fetched")
      } else if !isOrigin(place, ["http"]) {
        problems.append(
          "\(path).checkAt: '\(place)' is not possible; expected http://host:port, and nothing behind it")
      }
    }
    let target = purge.request.map { PurgeRequestRules.sample($0.url) } ?? purge.endpoint
    if purge.authority != nil, let target, URLParts(target)?.scheme == "http" {
      let key = purge.request == nil ? "endpoint" : "request.url"
      problems.append(
        "\(path).authority: it vouches for https servers, and \(path).\(key) does not begin with https://")
    }
    return problems
  }

  private static func keyProblems(_ purge: Configuration.Purge, fields: [String], _ path: String) -> [String] {
    guard purge.isByKey else { return [] }
    let needed: String?
    switch purge.driver {
    case .nginx: return ["\(path).by: \"key\" is not possible: nginx has no keys; expected \"url\""]
    case .fastly: needed = "Surrogate-Key"
    case .cloudflare: needed = "Cache-Tag"
    case .akamai: needed = "Edge-Cache-Tag"
    // Which field they read is theirs to configure.
    case .varnish, .http: needed = nil
    }
    if let needed, !fields.contains(needed) {
      return [
        "\(path).by: \"key\" needs \"\(needed)\" in surrogateKeys: it is the field that \(purge.driver.rawValue) reads"
      ]
    }
    return fields.isEmpty ? ["\(path).by: \"key\" needs surrogateKeys: without them no answer has a key"] : []
  }

  private static func isOrigin(_ text: String, _ schemes: [String]) -> Bool {
    URLParts(text).map { schemes.contains($0.scheme) && $0.rest.isEmpty } ?? false
  }

  /// What a target is put behind: without a query, and without a slash at its end.
  private static func isPrefix(_ text: String) -> Bool {
    URLParts(text).map { parts in
      ["http", "https"].contains(parts.scheme) && !parts.rest.contains("?") && !parts.rest.hasSuffix("/")
    } ?? false
  }

  /// It becomes a part of paths.
  private static func isIdentifier(_ text: String) -> Bool {
    text.utf8.allSatisfy { octet in
      switch octet {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
      default: false
      }
    }
  }
}
