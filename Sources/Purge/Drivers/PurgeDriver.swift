import CalendarTime
import HTTPClient
import OCSP
import Responder

/// A certificate, as caches know it.
struct PurgeItem: Sendable {
  var issuerName: String
  var serial: SerialNumber
  /// Every URL under which its answer may be; empty where the cache is told its surrogate key.
  var urls: [PurgeURL]
  var surrogateKey: String { SurrogateKey.text(issuerName: issuerName, serial: serial) }
}

/// One request to a cache, and the certificates that it is for.
struct PurgeCall: Sendable {
  var request: HTTPClient.Request
  /// Places in what the driver was given.
  var items: [Int]
}

/// What the answer to a call means.
enum PurgeVerdict: Sendable, Hashable {
  /// The cache has forgotten it, or will have in a moment. With the number that the provider gives it, for its support.
  case done(reference: String?)
  /// Nothing is to be had there at present, for any certificate: an outage, a limit, a key that is not let in.
  case unavailable(why: String, retryAfterSeconds: Int?)
  /// It does not take this call.
  case refused(why: String)
}

/// How one kind of cache is told to forget. Pure, save for `signed`.
protocol PurgeDriver: Sendable {
  /// So many certificates fill a call; more make more calls.
  var itemsPerCall: Int { get }
  /// How long the cache takes to forget once it has said so, in milliseconds: so long nobody looks.
  var settlingMilliseconds: Int64 { get }
  func calls(for items: [PurgeItem]) -> [PurgeCall]
  /// The request as it goes out now, signed where the cache wants that.
  func signed(_ request: HTTPClient.Request, at time: UnixTime) throws -> HTTPClient.Request
  func verdict(_ response: HTTPClient.Response) -> PurgeVerdict
}

extension PurgeDriver {
  var settlingMilliseconds: Int64 { 0 }
  func signed(_ request: HTTPClient.Request, at time: UnixTime) throws -> HTTPClient.Request { request }
}

extension PurgeDriver {
  /// What a status says where the cache does not say more.
  ///
  /// - Parameter names: of members of the body that hold the number of a request.
  static func verdict(
    ofStatus response: HTTPClient.Response, also fine: Set<Int> = [], referenceIn names: [String] = []
  ) -> PurgeVerdict {
    let status = response.status
    if (200..<300).contains(status) || fine.contains(status) {
      return .done(reference: names.isEmpty ? nil : ProviderText.value(of: names, in: response.body))
    }
    let why = ProviderText.explanation(response)
    switch status {
    // A method that it does not know will not be known later.
    case 501: return .refused(why: why)
    case 401, 403, 407, 408, 429, 500...:
      // With another number than seconds the pause is our own.
      let seconds = response.header("Retry-After").flatMap { Int($0) }
      return .unavailable(why: why, retryAfterSeconds: seconds.map { max(1, min($0, 3600)) })
    default: return .refused(why: why)
    }
  }

  /// All items' texts in calls of so many texts and octets at most.
  static func chunks(
    _ texts: [[String]], count: Int, octets: Int = .max
  ) -> [(texts: [String], items: [Int])] {
    var chunks: [(texts: [String], items: [Int])] = []
    var size = 0
    for (item, texts) in texts.enumerated() {
      for text in texts {
        // With quotes and comma.
        let length = text.utf8.count + 3
        if chunks.isEmpty || chunks[chunks.count - 1].texts.count == count || size + length > octets {
          chunks.append(([], []))
          size = 0
        }
        size += length
        chunks[chunks.count - 1].texts.append(text)
        if chunks[chunks.count - 1].items.last != item { chunks[chunks.count - 1].items.append(item) }
      }
    }
    return chunks
  }

  /// `{"name":["…","…"]}`: URLs and keys have nothing in them that JSON would want escaped.
  static func jsonList(_ name: String, _ texts: [String]) -> [UInt8] {
    Array("{\"\(name)\":[\(texts.map { "\"\($0)\"" }.joined(separator: ","))]}".utf8)
  }
}

/// What a provider's answer says, for messages and logs. Not parsed further than that: nothing is decided by it.
enum ProviderText {
  private static let longestReference = 64
  private static let longestExplanation = 200

  /// The value of the first member of one of those names that is a text or a number.
  static func value(of names: [String], in body: [UInt8]) -> String? {
    let text = String(decoding: body.prefix(16 << 10), as: UTF8.self)
    for name in names {
      guard let range = text.firstRange(of: "\"\(name)\"") else { continue }
      let rest = text[range.upperBound...].drop { $0 == " " || $0 == ":" || $0 == "\n" || $0 == "\"" }
      let value = rest.prefix { ($0.isASCII && ($0.isLetter || $0.isNumber)) || $0 == "-" || $0 == "_" }
      if !value.isEmpty { return String(value.prefix(longestReference)) }
    }
    return nil
  }

  /// Status and the beginning of the body, on one line.
  static func explanation(_ response: HTTPClient.Response) -> String {
    let text = String(decoding: response.body.prefix(longestExplanation), as: UTF8.self)
    // Nothing that a terminal or a reader of logs would take for more than text.
    let shown = String(
      String.UnicodeScalarView(text.unicodeScalars.map { (0x20...0x7E).contains($0.value) ? $0 : " " }))
    return shown.isEmpty ? "HTTP \(response.status)" : "HTTP \(response.status): \(shown)"
  }
}
