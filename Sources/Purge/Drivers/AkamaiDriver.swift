import CalendarTime
import HTTPClient
import OpenSSLCrypto

/// Akamai's Fast Purge API, version 3: URLs (`POST /ccu/v3/delete/url/NETWORK`) or cache tags (`…/delete/tag/NETWORK`), as many
/// as a body of 50,000 octets has room for. Objects are deleted, not invalidated: what is invalid may be served while the
/// origin is down.
struct AkamaiDriver: PurgeDriver {
  private static let maximumBodyOctets = 50_000
  private static let tagsPerCall = 300
  var endpoint: Endpoint
  var credentials: EdgeGrid.Credentials
  /// `production` or `staging`.
  var network: String
  var isByKey: Bool

  var itemsPerCall: Int { isByKey ? AkamaiDriver.tagsPerCall : 4 }

  /// What the API estimates in its answers.
  var settlingMilliseconds: Int64 { 5000 }

  func calls(for items: [PurgeItem]) -> [PurgeCall] {
    let texts = items.map { isByKey ? [$0.surrogateKey] : $0.urls.map(\.description) }
    let path = "\(endpoint.path)/ccu/v3/delete/\(isByKey ? "tag" : "url")/\(network)"
    let chunks = AkamaiDriver.chunks(
      texts, count: AkamaiDriver.tagsPerCall, octets: AkamaiDriver.maximumBodyOctets - 32)
    return chunks.map { texts, places in
      let body = AkamaiDriver.jsonList("objects", texts)
      var request = HTTPClient.Request(
        url: "\(endpoint.scheme)://\(endpoint.authority)\(path)",
        method: .post(body: body, contentType: "application/json"))
      request.allowsHTTPS = true
      return PurgeCall(request: request, items: places)
    }
  }

  /// Just before it goes out: a signature is good for half a minute.
  func signed(_ request: HTTPClient.Request, at time: UnixTime) throws -> HTTPClient.Request {
    guard case .post(let body, _) = request.method else { return request }
    let start = "\(endpoint.scheme)://\(endpoint.authority)"
    var request = request
    let field = try EdgeGrid.authorization(
      credentials, method: "POST", scheme: endpoint.scheme, host: endpoint.authority,
      target: String(request.url.dropFirst(start.count)), body: body, time: time, nonce: try EdgeGrid.newNonce())
    request.headers = [("Authorization", field)]
    return request
  }

  func verdict(_ response: HTTPClient.Response) -> PurgeVerdict {
    // It is said of an object that is not the client's to purge, and then of all that go with it.
    if response.status == 403 { return .refused(why: ProviderText.explanation(response)) }
    return AkamaiDriver.verdict(ofStatus: response, referenceIn: ["purgeId"])
  }
}
