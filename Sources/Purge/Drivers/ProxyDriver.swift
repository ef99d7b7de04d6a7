import HTTPClient

/// Caching proxies that are told by a request of their own: Varnish and nginx with ngx_cache_purge.
///
/// By URL: `PURGE` for each, behind the endpoint's path where it has one. By key, Varnish alone: `BAN` with the key in the
/// header field `Surrogate-Key`; what the VCL does with it, a ban or `xkey.purge`, is the VCL's (docs/cdn/varnish.vcl has
/// both).
struct ProxyDriver: PurgeDriver {
  enum Kind: Sendable, Hashable {
    case varnish
    case nginx
  }

  var kind: Kind
  var endpoint: Endpoint
  /// Where the proxy wants one: sent as a bearer token (RFC 6750 2.1).
  var secret: String?
  var isByKey: Bool

  var itemsPerCall: Int { 1 }

  func calls(for items: [PurgeItem]) -> [PurgeCall] {
    var calls: [PurgeCall] = []
    for (place, item) in items.enumerated() {
      if isByKey {
        var request = HTTPClient.Request(url: endpoint.url, method: .other("BAN", body: []))
        request.headers.append(("Surrogate-Key", item.surrogateKey))
        calls.append(PurgeCall(request: request, items: [place]))
      } else {
        calls += item.urls.map { url in
          var request = HTTPClient.Request(
            url: "\(endpoint.scheme)://\(endpoint.authority)\(endpoint.path)\(url.target)",
            method: .other("PURGE", body: []))
          // What is looked up is what a client would have asked for, and not the proxy's own name.
          request.headers.append(("Host", url.host))
          return PurgeCall(request: request, items: [place])
        }
      }
    }
    return calls.map { call in
      var call = call
      call.request.usesProxies = false
      call.request.allowsHTTPS = endpoint.scheme == "https"
      if let secret { call.request.headers.append(("Authorization", "Bearer \(secret)")) }
      return call
    }
  }

  func verdict(_ response: HTTPClient.Response) -> PurgeVerdict {
    if response.status == 405 || response.status == 501 {
      // Nothing that is said of one certificate: somebody has to mend it.
      return .unavailable(why: "HTTP \(response.status): \(missing)", retryAfterSeconds: nil)
    }
    // ngx_cache_purge says so of what the cache does not hold: 404 before 2.5.2, 412 from then on.
    return ProxyDriver.verdict(ofStatus: response, also: kind == .nginx ? [404, 412] : [])
  }

  private var missing: String {
    switch kind {
    case .varnish:
      "\(isByKey ? "BAN" : "PURGE") is not taken there: the VCL lacks the part of docs/cdn/varnish.vcl, or refuses"
    case .nginx: "PURGE is not taken there: endpoint needs the path of the purge location, as in docs/cdn/nginx.conf"
    }
  }
}

/// Where a cache or its interface is reached.
public struct Endpoint: Sendable, Hashable {
  /// `http` or `https`.
  public var scheme: String
  /// Host and port, as in a URL.
  public var authority: String
  /// What targets are put behind, without a slash at its end.
  public var path: String

  /// Nil for anything but `http://host…` and `https://host…`.
  public init?(_ text: String) {
    guard let scheme = ["http", "https"].first(where: { text.lowercased().hasPrefix($0 + "://") }) else { return nil }
    self.scheme = scheme
    let rest = text.dropFirst(scheme.utf8.count + 3)
    authority = String(rest.prefix { $0 != "/" && $0 != "?" })
    var path = String(rest.dropFirst(authority.count))
    while path.hasSuffix("/") { path.removeLast() }
    self.path = path
    guard !authority.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
  }

  /// `scheme://host[:port]/path`
  var url: String { "\(scheme)://\(authority)\(path.isEmpty ? "/" : path)" }

  /// `host:port`
  public var place: String {
    let hasPort = authority.last == "]" ? false : (authority.split(separator: "]").last ?? "").contains(":")
    return hasPort ? authority : "\(authority):\(scheme == "https" ? 443 : 80)"
  }
}
