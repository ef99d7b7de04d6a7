import HTTPClient

/// Fastly's API: single URLs (`POST /purge/host/path`), or up to 256 surrogate keys of a service at once
/// (`POST /service/ID/purge`). Purges are hard: nothing stale is served.
struct FastlyDriver: PurgeDriver {
  static let standardEndpoint = "https://api.fastly.com"
  private static let keysPerCall = 256
  var endpoint: Endpoint
  var token: String
  /// The service's ID where keys are purged; nil for URLs.
  var service: String?

  var itemsPerCall: Int { service == nil ? 1 : FastlyDriver.keysPerCall }

  func calls(for items: [PurgeItem]) -> [PurgeCall] {
    guard let service else {
      return items.enumerated().flatMap { place, item in
        item.urls.map { url in
          PurgeCall(request: request("/purge/\(url.host)\(url.target)", []), items: [place])
        }
      }
    }
    return FastlyDriver.chunks(items.map { [$0.surrogateKey] }, count: FastlyDriver.keysPerCall).map { keys, places in
      PurgeCall(
        request: request("/service/\(service)/purge", FastlyDriver.jsonList("surrogate_keys", keys)), items: places)
    }
  }

  private func request(_ path: String, _ body: [UInt8]) -> HTTPClient.Request {
    var request = HTTPClient.Request(
      url: "\(endpoint.scheme)://\(endpoint.authority)\(endpoint.path)\(path)",
      method: .post(body: body, contentType: "application/json"))
    request.allowsHTTPS = true
    request.headers = [("Fastly-Key", token), ("Accept", "application/json")]
    return request
  }

  func verdict(_ response: HTTPClient.Response) -> PurgeVerdict {
    FastlyDriver.verdict(ofStatus: response, referenceIn: ["id"])
  }
}
