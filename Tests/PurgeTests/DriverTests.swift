import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

@testable import HTTPClient
@testable import Purge

struct DriverTests {
  private func items(_ count: Int, urls: Int = 3) -> [PurgeItem] {
    (0..<count).map { number in
      PurgeItem(
        issuerName: "web", serial: Sample.serial(number),
        urls: (0..<urls).map { PurgeURL(host: "ocsp.example.com", target: "/M\(number)-\($0)") })
    }
  }

  private func body(_ call: PurgeCall) -> String {
    switch call.request.method {
    case .get: ""
    case .post(let body, _), .other(_, let body): String(decoding: body, as: UTF8.self)
    }
  }

  private func response(_ status: Int, _ body: String = "", _ headers: [(String, String)] = []) -> HTTPClient.Response {
    HTTPClient.Response(
      status: status, headers: headers.map { (name: $0.0, value: $0.1) }, body: Array(body.utf8), milliseconds: 1)
  }

  private func endpoint(_ text: String) throws -> Endpoint { try #require(Endpoint(text)) }

  @Test("a proxy is asked itself for what clients ask for, target untouched")
  func proxyByURL() throws {
    let driver = ProxyDriver(
      kind: .varnish, endpoint: try endpoint("http://127.0.0.1:6081"), secret: "s3cret", isByKey: false)
    let item = PurgeItem(
      issuerName: "web", serial: Sample.serial(1), urls: [PurgeURL(host: "ocsp.example.com", target: "//M%2B/=")])
    let request = try #require(driver.calls(for: [item]).first?.request)
    #expect(request.url == "http://127.0.0.1:6081//M%2B/=")
    #expect(request.headers.contains { $0.name == "Host" && $0.value == "ocsp.example.com" })
    #expect(request.method == .other("PURGE", body: []))
    #expect(request.headers.contains { $0.name == "Authorization" && $0.value == "Bearer s3cret" })
    #expect(!request.usesProxies)
  }

  @Test("a ban names the certificate's key")
  func proxyByKey() throws {
    let driver = ProxyDriver(kind: .varnish, endpoint: try endpoint("http://cache"), secret: nil, isByKey: true)
    let calls = driver.calls(for: items(2))
    #expect(calls.map(\.items) == [[0], [1]])
    #expect(calls[0].request.method == .other("BAN", body: []))
    #expect(
      calls[0].request.headers.first?.value == SurrogateKey.text(issuerName: "web", serial: Sample.serial(0)))
  }

  @Test("what nginx does not hold is gone", arguments: [(200, true), (404, true), (412, true), (400, false)])
  func nginxVerdicts(_ status: Int, _ isDone: Bool) throws {
    let driver = ProxyDriver(kind: .nginx, endpoint: try endpoint("http://cache"), secret: nil, isByKey: false)
    #expect((driver.verdict(response(status)) == .done(reference: nil)) == isDone)
  }

  @Test(
    "a proxy that does not know the method is mended by somebody, not tried for each certificate",
    arguments: [405, 501])
  func unknownMethod(_ status: Int) throws {
    for kind in [ProxyDriver.Kind.varnish, .nginx] {
      let driver = ProxyDriver(kind: kind, endpoint: try endpoint("http://cache"), secret: nil, isByKey: false)
      guard case .unavailable(let why, nil) = driver.verdict(response(status)) else {
        Issue.record("\(status) is no outage")
        continue
      }
      #expect(why.contains("docs/cdn"))
    }
  }

  @Test("a Varnish that answers otherwise has not purged", arguments: [400, 404, 412])
  func varnishRefuses(_ status: Int) throws {
    let driver = ProxyDriver(kind: .varnish, endpoint: try endpoint("http://cache"), secret: nil, isByKey: false)
    guard case .refused = driver.verdict(response(status)) else {
      Issue.record("\(status) is taken for a purge")
      return
    }
  }

  @Test("statuses that mean the whole cache stop it, with its own pause where it names one")
  func outages() throws {
    let driver = FastlyDriver(endpoint: try endpoint("https://api"), token: "t", service: nil)
    for status in [401, 403, 429, 500, 503, 507] {
      guard case .unavailable(let why, nil) = driver.verdict(response(status)) else {
        Issue.record("\(status) is no outage")
        continue
      }
      #expect(why.contains("\(status)"))
    }
    #expect(
      driver.verdict(response(429, "slow down", [("retry-after", "7")]))
        == .unavailable(why: "HTTP 429: slow down", retryAfterSeconds: 7))
    #expect(
      driver.verdict(response(429, "", [("Retry-After", "99999999")]))
        == .unavailable(why: "HTTP 429", retryAfterSeconds: 3600))
    #expect(
      driver.verdict(response(503, "", [("Retry-After", "Fri, 31 Dec 2027 23:59:59 GMT")]))
        == .unavailable(why: "HTTP 503", retryAfterSeconds: nil))
  }

  @Test("Fastly: a URL each, or 256 keys of a service")
  func fastly() throws {
    var driver = FastlyDriver(endpoint: try endpoint("https://api.fastly.com"), token: "t0ken", service: nil)
    let calls = driver.calls(for: items(2))
    #expect(calls.count == 6)
    #expect(calls[4].request.url == "https://api.fastly.com/purge/ocsp.example.com/M1-1")
    #expect(calls[4].items == [1])
    #expect(calls[0].request.headers.contains { $0.name == "Fastly-Key" && $0.value == "t0ken" })
    driver.service = "SVC"
    let batches = driver.calls(for: items(300))
    #expect(batches.map(\.items.count) == [256, 44])
    #expect(batches[0].request.url == "https://api.fastly.com/service/SVC/purge")
    #expect(body(batches[1]).hasPrefix("{\"surrogate_keys\":[\"c-"))
    #expect(
      driver.verdict(response(200, #"{"status": "ok", "id": "108-1391560174-974124"}"#))
        == .done(reference: "108-1391560174-974124"))
  }

  @Test("Cloudflare: a hundred of a kind at once, and 200 is not all")
  func cloudflare() throws {
    var driver = CloudflareDriver(
      endpoint: try endpoint("https://api.cloudflare.com"), token: "t", zone: "z0ne", isByKey: false)
    let calls = driver.calls(for: items(3, urls: 40))
    #expect(calls.map(\.items) == [[0, 1, 2], [2]])
    #expect(calls[0].request.url == "https://api.cloudflare.com/client/v4/zones/z0ne/purge_cache")
    #expect(body(calls[1]).hasPrefix(#"{"files":["http://ocsp.example.com/M2-20""#))
    driver.isByKey = true
    #expect(body(driver.calls(for: items(1))[0]).hasPrefix(#"{"tags":["c-"#))
    #expect(
      driver.verdict(
        response(200, #"{"success": true, "errors": [], "result": {"id": "9a7806061c88ada191ed06f989cc3dac"}}"#))
        == .done(reference: "9a7806061c88ada191ed06f989cc3dac"))
    guard case .refused(let why) = driver.verdict(response(200, #"{"success":false,"errors":[{"code":1012}]}"#)) else {
      Issue.record("a failure is taken for success")
      return
    }
    #expect(why.contains("1012"))
  }

  @Test("Akamai: as many as 50,000 octets have room for, signed")
  func akamai() throws {
    let credentials = EdgeGrid.Credentials(host: "h", clientToken: "c", clientSecret: "s", accessToken: "a")
    let driver = AkamaiDriver(
      endpoint: try endpoint("https://h"), credentials: credentials, network: "staging", isByKey: false)
    let long = (0..<4).map { number in
      PurgeItem(
        issuerName: "web", serial: Sample.serial(number),
        urls: (0..<80).map {
          PurgeURL(host: "ocsp.example.com", target: "/" + String(repeating: "M", count: 300) + "\($0)")
        })
    }
    let calls = driver.calls(for: long)
    #expect(calls.count > 1)
    #expect(calls.allSatisfy { body($0).utf8.count <= 50_000 })
    #expect(calls.reduce(0) { $0 + body($1).split(separator: ",").count } == 320)
    #expect(Set(calls.flatMap(\.items)) == [0, 1, 2, 3])
    #expect(calls[0].request.url == "https://h/ccu/v3/delete/url/staging")
    let signed = try driver.signed(calls[0].request, at: Sample.start)
    #expect(signed.headers.contains { $0.name == "Authorization" && $0.value.hasPrefix("EG1-HMAC-SHA256 ") })
    guard case .refused = driver.verdict(response(403)) else {
      Issue.record("one object that is not ours to purge stops all")
      return
    }
    #expect(driver.verdict(response(201, #"{"httpStatus":201,"purgeId":"e535-1"}"#)) == .done(reference: "e535-1"))
  }

  @Test("a template: every placeholder, and the secret in header fields alone")
  func template() {
    let driver = TemplateDriver(
      TemplateDriver.Template(
        method: "POST", url: "https://cdn/purge?url={encodedURL}",
        headers: [.init(name: "Key", value: "{secret}/{key}"), .init(name: "Host-Of", value: "{host}{target}")],
        body: #"{"u":"{url}","s":"{serial}","i":"{issuer}","x":"{secret}"}"#), secret: "p{key}w")
    let call = driver.calls(for: items(1, urls: 2))[1]
    #expect(call.request.url == "https://cdn/purge?url=http%3A%2F%2Focsp.example.com%2FM0-1")
    #expect(call.request.headers[0].value == "p{key}w/c-0100000000-web")
    #expect(call.request.headers[1].value == "ocsp.example.com/M0-1")
    #expect(body(call) == #"{"u":"http://ocsp.example.com/M0-1","s":"0100000000","i":"web","x":"{secret}"}"#)
    #expect(driver.verdict(response(404)) == .done(reference: nil))
  }

  @Test("a template without URLs is one request for a certificate")
  func templateByKey() {
    let driver = TemplateDriver(
      TemplateDriver.Template(method: "DELETE", url: "https://cdn/tags/{key}", headers: [], body: nil), secret: nil)
    let calls = driver.calls(for: items(2, urls: 5))
    #expect(calls.map(\.items) == [[0], [1]])
    #expect(calls[0].request.method == .other("DELETE", body: []))
  }

  @Test("what a provider says is shown on one line, and not all of a book")
  func explanation() {
    let text = ProviderText.explanation(response(400, "a\r\nb" + String(repeating: "x", count: 10_000)))
    #expect(text.hasPrefix("HTTP 400: a  b"))
    #expect(text.utf8.count < 300)
  }
}
