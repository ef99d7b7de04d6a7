import Configuration
import Purge
import Responder

/// Which caches are purged of which issuers' answers, by a configuration and its files.
struct PurgeParties {
  let caches: [PurgeCache]
  let subjects: [StoreIssuerID: PurgeSubject]

  /// - Parameter directory: made from the same configuration: each issuer's number in the store is there.
  init(_ configuration: LoadedConfiguration, _ directory: IssuerDirectory) throws(CommandFailure) {
    caches = try PurgeParties.caches(configuration)
    var subjects: [StoreIssuerID: PurgeSubject] = [:]
    for settings in configuration.value.issuers {
      guard let issuer = directory.issuers.issuers.first(where: { $0.name == settings.name && !$0.isRetired }) else {
        continue
      }
      subjects[issuer.storeID] = PurgeSubject(issuer, urls: settings.urls.compactMap { ResponderURL($0) })
    }
    self.subjects = subjects
  }

  /// Reads the files with secrets.
  static func caches(_ configuration: LoadedConfiguration) throws(CommandFailure) -> [PurgeCache] {
    var caches: [PurgeCache] = []
    for (place, settings) in configuration.value.purge.enumerated() {
      let path = "purge[\(place)]"
      let endpoint = settings.endpoint.flatMap { Endpoint($0) }
      caches.append(
        PurgeCache(
          name: settings.name, kind: try kind(settings, endpoint, configuration, path), isByKey: settings.isByKey,
          authorityPath: settings.authority.map { configuration.resolved($0) }, connections: settings.connections,
          timeoutMilliseconds: settings.timeoutSeconds * 1000,
          repeatAfterSeconds: settings.repeatAfterSeconds.map { Int64($0) }, check: check(settings.check),
          checkPlace: checkPlace(settings, endpoint)))
    }
    return caches
  }

  private static func check(_ check: Configuration.Purge.Check) -> PurgeCache.Check {
    switch check {
    case .none: .none
    case .common: .common
    case .all: .all
    }
  }

  private static func checkPlace(_ settings: Configuration.Purge, _ endpoint: Endpoint?) -> String? {
    if let place = settings.checkAt { return Endpoint(place)?.place }
    let isProxy = settings.driver == .varnish || settings.driver == .nginx
    // Answers are asked for over http: a port that speaks TLS is another one.
    guard isProxy, let endpoint, endpoint.scheme == "http" else { return nil }
    return endpoint.place
  }

  private static func kind(
    _ settings: Configuration.Purge, _ endpoint: Endpoint?, _ configuration: LoadedConfiguration, _ path: String
  ) throws(CommandFailure) -> PurgeCache.Kind {
    let place = "\(configuration.path): \(path)"
    func needed<Value>(_ value: Value?, _ key: String) throws(CommandFailure) -> Value {
      guard let value else { throw .no("\(place).\(key): is missing") }
      return value
    }
    let file = settings.secretFile.map { configuration.resolved($0) }
    let secret = try PurgeSecret(file, "\(place).secretFile")
    switch settings.driver {
    case .varnish: return .varnish(try needed(endpoint, "endpoint"), secret: try secret?.word())
    case .nginx: return .nginx(try needed(endpoint, "endpoint"), secret: try secret?.word())
    case .fastly:
      return .fastly(endpoint, token: try needed(secret, "secretFile").word(), service: settings.service)
    case .cloudflare:
      return .cloudflare(
        endpoint, token: try needed(secret, "secretFile").word(), zone: try needed(settings.service, "service"))
    case .akamai:
      return .akamai(
        endpoint, try needed(secret, "secretFile").edgeGridCredentials(), isStaging: settings.isStaging)
    case .http:
      let template = try needed(settings.request, "request")
      return .template(
        TemplateDriver.Template(
          method: template.method, url: template.url,
          headers: template.headers.map { .init(name: $0.name, value: $0.value) }, body: template.body),
        secret: try secret?.word())
    }
  }
}

/// A file by which a cache knows who asks.
private struct PurgeSecret {
  private static let longest = 4096
  let path: String
  let key: String
  let text: String

  /// Nil where there is no file.
  init?(_ path: String?, _ key: String) throws(CommandFailure) {
    guard let path else { return nil }
    self.path = path
    self.key = key
    do throws(CommandFailure) {
      text = String(decoding: try Files.read(path, what: "a file with a secret"), as: UTF8.self)
    } catch {
      throw .no("\(key): \(error)")
    }
  }

  /// Its first line: what goes into a header field.
  func word() throws(CommandFailure) -> String {
    let line = text.prefix { !$0.isNewline }
    let word = line.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
    guard !word.isEmpty, word.count <= PurgeSecret.longest,
      String(word).utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else {
      throw .no("\(key): \(path): its first line is no secret; visible ASCII characters are expected")
    }
    return String(word)
  }

  func edgeGridCredentials() throws(CommandFailure) -> EdgeGrid.Credentials {
    do throws(EdgeGrid.Malformed) {
      return try EdgeGrid.credentials(text)
    } catch {
      throw .no("\(key): \(path): \(error)")
    }
  }
}
