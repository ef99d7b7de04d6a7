import HTTPClient
import OCSP

/// Any cache that a request tells to forget: what is sent is what the configuration says, with placeholders filled in.
public struct TemplateDriver: PurgeDriver {
  /// A request with placeholders: `{url}`, `{host}` and `{target}` of each URL, `{encodedURL}` for inside of another one;
  /// `{key}`, `{issuer}` and `{serial}` of the certificate, and `{secret}` in header fields.
  public struct Template: Sendable, Hashable {
    public var method: String
    public var url: String
    public var headers: [Header]
    public var body: String?

    public struct Header: Sendable, Hashable {
      public var name: String
      public var value: String

      public init(name: String, value: String) {
        self.name = name
        self.value = value
      }
    }

    public init(method: String, url: String, headers: [Header], body: String?) {
      self.method = method
      self.url = url
      self.headers = headers
      self.body = body
    }
  }

  private static let ofURLs = ["{url}", "{encodedURL}", "{host}", "{target}"]
  var template: Template
  var secret: String?
  private let isPerURL: Bool

  init(_ template: Template, secret: String?) {
    self.template = template
    self.secret = secret
    let texts = [template.url, template.body ?? ""] + template.headers.map(\.value)
    isPerURL = texts.contains { text in TemplateDriver.ofURLs.contains { text.contains($0) } }
  }

  var itemsPerCall: Int { 1 }

  func calls(for items: [PurgeItem]) -> [PurgeCall] {
    items.enumerated().flatMap { place, item -> [PurgeCall] in
      let urls: [PurgeURL?] = isPerURL ? item.urls : [nil]
      return urls.map { PurgeCall(request: request(item, $0), items: [place]) }
    }
  }

  private func request(_ item: PurgeItem, _ url: PurgeURL?) -> HTTPClient.Request {
    func filled(_ text: String) -> String {
      var text = text
      if let url {
        text = text.replacing("{url}", with: url.description).replacing("{host}", with: url.host)
          .replacing("{target}", with: url.target)
          .replacing("{encodedURL}", with: TemplateDriver.percentEncoded(url.description))
      }
      return text.replacing("{key}", with: item.surrogateKey).replacing("{issuer}", with: item.issuerName)
        .replacing("{serial}", with: item.serial.description)
    }
    let body = Array(filled(template.body ?? "").utf8)
    var request = HTTPClient.Request(url: filled(template.url), method: .other(template.method, body: body))
    request.allowsHTTPS = true
    for header in template.headers {
      // Last: nothing in it is a placeholder.
      request.headers.append((header.name, filled(header.value).replacing("{secret}", with: secret ?? "")))
    }
    return request
  }

  /// All but unreserved characters coded (RFC 3986 2.3).
  private static func percentEncoded(_ text: String) -> String {
    text.utf8.map { octet in
      switch octet {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(UnicodeScalar(octet))
      default: "%" + (octet < 16 ? "0" : "") + String(octet, radix: 16, uppercase: true)
      }
    }.joined()
  }

  /// What is not there need not be forgotten: 404 and 410 are as good as 200.
  func verdict(_ response: HTTPClient.Response) -> PurgeVerdict {
    TemplateDriver.verdict(ofStatus: response, also: [404, 410])
  }
}
