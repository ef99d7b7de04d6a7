import HTTPClient

/// Cloudflare's API: up to 100 URLs, or as many cache tags, of a zone at once (`POST /client/v4/zones/ID/purge_cache`).
struct CloudflareDriver: PurgeDriver {
  static let standardEndpoint = "https://api.cloudflare.com"
  private static let textsPerCall = 100
  var endpoint: Endpoint
  var token: String
  var zone: String
  var isByKey: Bool

  var itemsPerCall: Int { isByKey ? CloudflareDriver.textsPerCall : 2 }

  func calls(for items: [PurgeItem]) -> [PurgeCall] {
    let texts = items.map { isByKey ? [$0.surrogateKey] : $0.urls.map(\.description) }
    let url = "\(endpoint.scheme)://\(endpoint.authority)\(endpoint.path)/client/v4/zones/\(zone)/purge_cache"
    return CloudflareDriver.chunks(texts, count: CloudflareDriver.textsPerCall).map { texts, places in
      var request = HTTPClient.Request(
        url: url,
        method: .post(
          body: CloudflareDriver.jsonList(isByKey ? "tags" : "files", texts), contentType: "application/json"))
      request.allowsHTTPS = true
      request.headers = [("Authorization", "Bearer \(token)")]
      return PurgeCall(request: request, items: places)
    }
  }

  func verdict(_ response: HTTPClient.Response) -> PurgeVerdict {
    let verdict = CloudflareDriver.verdict(ofStatus: response, referenceIn: ["id"])
    guard case .done = verdict else { return verdict }
    // A status of 200 is not all that it has to say.
    guard ProviderText.value(of: ["success"], in: response.body) == "true" else {
      return .refused(why: ProviderText.explanation(response))
    }
    return verdict
  }
}
