public import Responder

/// One cache in front of the responder, and how it is told to forget.
public struct PurgeCache: Sendable, Hashable {
  /// Which kind it is, with what its driver needs.
  public enum Kind: Sendable, Hashable {
    /// - Parameter secret: sent as a bearer token, where there is one.
    case varnish(Endpoint, secret: String?)
    case nginx(Endpoint, secret: String?)
    /// - Parameter service: nil where URLs are purged.
    case fastly(Endpoint?, token: String, service: String?)
    case cloudflare(Endpoint?, token: String, zone: String)
    case akamai(Endpoint?, EdgeGrid.Credentials, isStaging: Bool)
    case template(TemplateDriver.Template, secret: String?)
  }

  /// Which forms of a URL are fetched through the cache after a purge.
  public enum Check: Sendable, Hashable {
    case none
    case common
    case all
  }

  /// What it is called in the queue, in logs and in metrics.
  public var name: String
  public var kind: Kind
  /// Whether it is told surrogate keys, instead of URLs.
  public var isByKey: Bool
  /// CA certificates that vouch for an https server, a PEM file; nil for those of the system.
  public var authorityPath: String?
  /// Requests under way at once.
  public var connections: Int
  /// For one request, in milliseconds.
  public var timeoutMilliseconds: Int
  /// After so long a purge is repeated, in seconds; nil for never.
  public var repeatAfterSeconds: Int64?
  public var check: Check
  /// `host:port` that checks connect to, whatever host their URL names; nil for that host.
  public var checkPlace: String?

  public init(
    name: String, kind: Kind, isByKey: Bool = false, authorityPath: String? = nil, connections: Int = 4,
    timeoutMilliseconds: Int = 10_000, repeatAfterSeconds: Int64? = 2, check: Check = .common,
    checkPlace: String? = nil
  ) {
    self.name = name
    self.kind = kind
    self.isByKey = isByKey
    self.authorityPath = authorityPath
    self.connections = connections
    self.timeoutMilliseconds = timeoutMilliseconds
    self.repeatAfterSeconds = repeatAfterSeconds
    self.check = check
    self.checkPlace = checkPlace
  }

  /// What no message may have in it.
  var secrets: [String] {
    let secrets: [String?] =
      switch kind {
      case .varnish(_, let secret), .nginx(_, let secret), .template(_, let secret): [secret]
      case .fastly(_, let token, _), .cloudflare(_, let token, _): [token]
      case .akamai(_, let credentials, _):
        [credentials.clientSecret, credentials.clientToken, credentials.accessToken]
      }
    return secrets.compactMap(\.self).filter { !$0.isEmpty }
  }

  /// Where it is reached, for messages; nil where a request's own URL says so.
  var place: String? {
    switch kind {
    case .varnish(let endpoint, _), .nginx(let endpoint, _): endpoint.url
    case .fastly(let endpoint, _, _): endpoint?.url ?? FastlyDriver.standardEndpoint
    case .cloudflare(let endpoint, _, _): endpoint?.url ?? CloudflareDriver.standardEndpoint
    case .akamai(let endpoint, let credentials, _): endpoint?.url ?? "https://\(credentials.host)"
    case .template: nil
    }
  }

  var driver: any PurgeDriver {
    switch kind {
    case .varnish(let endpoint, let secret):
      ProxyDriver(kind: .varnish, endpoint: endpoint, secret: secret, isByKey: isByKey)
    case .nginx(let endpoint, let secret):
      ProxyDriver(kind: .nginx, endpoint: endpoint, secret: secret, isByKey: false)
    case .fastly(let endpoint, let token, let service):
      FastlyDriver(
        endpoint: endpoint ?? PurgeCache.known(FastlyDriver.standardEndpoint), token: token,
        service: isByKey ? service : nil)
    case .cloudflare(let endpoint, let token, let zone):
      CloudflareDriver(
        endpoint: endpoint ?? PurgeCache.known(CloudflareDriver.standardEndpoint), token: token, zone: zone,
        isByKey: isByKey)
    case .akamai(let endpoint, let credentials, let isStaging):
      AkamaiDriver(
        endpoint: endpoint ?? PurgeCache.known("https://\(credentials.host)"), credentials: credentials,
        network: isStaging ? "staging" : "production", isByKey: isByKey)
    case .template(let template, let secret): TemplateDriver(template, secret: secret)
    }
  }

  private static func known(_ text: String) -> Endpoint {
    guard let endpoint = Endpoint(text) else { preconditionFailure("\(text) is no URL") }
    return endpoint
  }
}

/// An issuer whose certificates are purged.
public struct PurgeSubject: Sendable {
  var issuer: Issuer
  var forms: URLForms

  /// - Parameter urls: where its answers are asked for, as its certificates name it.
  public init(_ issuer: Issuer, urls: [ResponderURL]) {
    self.issuer = issuer
    forms = URLForms(issuer, urls: urls)
  }
}
