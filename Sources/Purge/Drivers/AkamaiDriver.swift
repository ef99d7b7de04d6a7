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

  func calls(for items: [PurgeItem], now: UnixTime) throws -> [PurgeCall] {
    let texts = items.map { isByKey ? [$0.surrogateKey] : $0.urls.map(\.description) }
    let path = "\(endpoint.path)/ccu/v3/delete/\(isByKey ? "tag" : "url")/\(network)"
    let chunks = AkamaiDriver.chunks(
      texts, count: AkamaiDriver.tagsPerCall, octets: AkamaiDriver.maximumBodyOctets - 32)
    return try chunks.map { texts, places in
      let body = AkamaiDriver.jsonList("objects", texts)
      var request = HTTPClient.Request(
        url: "\(endpoint.scheme)://\(endpoint.authority)\(path)",
        method: .post(body: body, contentType: "application/json"))
      request.allowsHTTPS = true
      let signed = try EdgeGrid.authorization(
        credentials, method: "POST", scheme: endpoint.scheme, host: endpoint.authority, target: path, body: body,
        time: now, nonce: try EdgeGrid.newNonce())
      request.headers = [("Authorization", signed)]
      return PurgeCall(request: request, items: places)
    }
  }

  func verdict(_ response: HTTPClient.Response) -> PurgeVerdict {
    AkamaiDriver.verdict(ofStatus: response, referenceIn: ["purgeId"])
  }
}
