import CalendarTime
import HTTP1
import HTTPServer
import OCSP
import Responder

/// How one answer travels: what of the request the writer must know.
struct Exchange: Sendable {
  var isHead: Bool
  var minorVersion: UInt8

  init(_ head: RequestHead) {
    isHead = head.method == .head
    minorVersion = head.minorVersion
  }
}

/// Writes OCSP answers with the header fields that they need (RFC 9919 6 and 7.2, RFC 9110), by one directory.
///
/// Each worker has one of its own: its reference count is nobody else's to touch.
final class AnswerWriter: @unchecked Sendable {
  // Travels with answers that come later, and is used on its worker's thread alone.
  private let dates = DateMemo()
  let directory: IssuerDirectory
  let issuers: IssuerTable
  let plainRequests: PlainRequests
  let knownTargets: KnownBase64
  private let suffixes: OctetTable
  private let maximumAges: [Int64]
  private let surrogateKeys: SurrogateKeyLines
  private let retryAfterSeconds: Int

  init(_ directory: IssuerDirectory, retryAfterSeconds: Int) {
    self.directory = directory
    issuers = directory.issuers
    plainRequests = PlainRequests(directory.issuers)
    knownTargets = KnownBase64(PlainRequests.commonParts(directory.issuers))
    suffixes = OctetTable(directory.credentials.entries.map(\.suffix))
    maximumAges = directory.issuers.issuers.map(\.policy.maximumAgeSeconds)
    surrogateKeys = SurrogateKeyLines(directory)
    self.retryAfterSeconds = retryAfterSeconds
  }

  /// Whether an answer signed with that credential can be written: false where it is newer than the directory.
  func knows(_ credential: CredentialIndex) -> Bool { Int(credential.value) < suffixes.count }

  /// A pre-built answer, which caches may keep.
  func writeCacheable(
    _ answer: AnswerHead, prefix: Span<UInt8>, _ key: ResponseKey, _ exchange: Exchange, keepsAlive: Bool, turn: Turn,
    to response: inout ResponseBuffer
  ) {
    let place = Int(answer.credential.value)
    CacheableHead.write(
      answer, maximumAge: maximumAge(answer, key, turn), count: prefix.count + suffixes.count(place), turn: turn,
      dates: dates, to: &response)
    if !surrogateKeys.isEmpty { surrogateKeys.write(key, to: &response) }
    if !keepsAlive || exchange.minorVersion == 0 {
      response.appendConnection(keepsAlive: keepsAlive, minorVersion: exchange.minorVersion)
    }
    if exchange.isHead {
      response.append("\r\n")
    } else {
      suffixes.append(place, behind: prefix, to: &response)
    }
  }

  /// `304 Not Modified` with the fields of RFC 9110 15.4.5.
  func writeNotModified(
    _ answer: AnswerHead, _ key: ResponseKey, _ exchange: Exchange, keepsAlive: Bool, turn: Turn,
    to response: inout ResponseBuffer
  ) {
    response.append("HTTP/1.1 304 Not Modified\r\nDate: ")
    response.append(turn.date)
    response.append("\r\n")
    writeValidators(answer, key, turn, &response)
    response.appendConnection(keepsAlive: keepsAlive, minorVersion: exchange.minorVersion)
    response.append("\r\n")
  }

  /// An answer made for one request: authoritative, and for nobody else (standards 22).
  func writeLive(
    _ octets: [UInt8], _ exchange: Exchange, keepsAlive: Bool, turn: Turn, to response: inout ResponseBuffer
  ) {
    writeStart("HTTP/1.1 200 OK\r\n", contentLength: octets.count, turn, &response)
    response.append("Cache-Control: max-age=0, must-revalidate, no-transform\r\n")
    response.appendConnection(keepsAlive: keepsAlive, minorVersion: exchange.minorVersion)
    response.append("\r\n")
    if !exchange.isHead { response.append(octets) }
  }

  /// One of the five unsigned answers. They travel with HTTP 200: with another status clients lose the OCSP code
  /// (standards F4).
  func writeError(
    _ status: OCSPResponseStatus, _ exchange: Exchange, keepsAlive: Bool, turn: Turn, to response: inout ResponseBuffer
  ) {
    writeStart("HTTP/1.1 200 OK\r\n", contentLength: 5, turn, &response)
    response.append("Cache-Control: no-store\r\n")
    if status == .tryLater {
      response.append("Retry-After: ")
      response.appendDecimal(retryAfterSeconds)
      response.append("\r\n")
    }
    response.appendConnection(keepsAlive: keepsAlive, minorVersion: exchange.minorVersion)
    response.append("\r\n")
    if exchange.isHead { return }
    // RFC 6960 4.2.1: a SEQUENCE with one ENUMERATED.
    response.append("\u{30}\u{03}\u{0A}\u{01}")
    response.append(status.rawValue)
  }

  /// `405` with Allow (RFC 9110 15.5.6).
  func writeMethodNotAllowed(_ exchange: Exchange, keepsAlive: Bool, turn: Turn, to response: inout ResponseBuffer) {
    let text: StaticString = "OCSP is asked with GET or POST (RFC 6960 A.1)\n"
    response.append(
      "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST\r\nContent-Type: text/plain\r\nContent-Length: ")
    response.appendDecimal(text.utf8CodeUnitCount)
    response.append("\r\nDate: ")
    response.append(turn.date)
    response.append("\r\nCache-Control: no-store\r\n")
    response.appendConnection(keepsAlive: keepsAlive, minorVersion: exchange.minorVersion)
    response.append("\r\n")
    response.append(text)
  }

  // MARK: - Parts

  private func maximumAge(_ answer: AnswerHead, _ key: ResponseKey, _ turn: Turn) -> Int64 {
    MaximumAge.seconds(times: answer.times, now: turn.now, cap: maximumAges[Int(key.issuer.value)])
  }

  private func writeStart(
    _ statusLine: StaticString, contentLength: Int, _ turn: Turn, _ response: inout ResponseBuffer
  ) {
    response.append(statusLine)
    response.append("Content-Type: application/ocsp-response\r\nContent-Length: ")
    response.appendDecimal(contentLength)
    response.append("\r\nDate: ")
    response.append(turn.date)
    response.append("\r\n")
  }

  private func writeValidators(
    _ answer: AnswerHead, _ key: ResponseKey, _ turn: Turn, _ response: inout ResponseBuffer
  ) {
    response.append("Last-Modified: ")
    response.append(HTTPDate.Text(answer.times.producedAt))
    response.append("\r\nExpires: ")
    response.append(HTTPDate.Text(answer.times.nextUpdate))
    response.append("\r\nETag: \"")
    response.append(EntityTag.text(of: answer.digest).span)
    response.append("\"\r\nCache-Control: max-age=")
    response.appendDecimal(Int(maximumAge(answer, key, turn)))
    response.append(", public, no-transform, must-revalidate\r\n")
    surrogateKeys.write(key, to: &response)
  }
}

/// A worker's writer, by the newest directory. Its thread alone uses it, also for answers that come later.
final class CurrentWriter: @unchecked Sendable {
  // Travels to signing threads inside answers that come later, which call it on the worker's thread again.
  private let source: any AnswerSource
  private var generation: UInt64
  private(set) var writer: AnswerWriter

  /// Has `body` use the writer without touching its reference count. It must not call `look`.
  func withWriter<Result>(_ body: (AnswerWriter) -> Result) -> Result {
    unsafe Unmanaged.passUnretained(writer)._withUnsafeGuaranteedRef { body($0) }
  }

  init(source: any AnswerSource) {
    self.source = source
    generation = source.directoryGeneration
    writer = AnswerWriter(source.directory, retryAfterSeconds: source.retryAfterSeconds)
  }

  /// Takes a new directory over, where there is one.
  func look() {
    let newest = source.directoryGeneration
    guard newest != generation else { return }
    generation = newest
    writer = AnswerWriter(source.directory, retryAfterSeconds: source.retryAfterSeconds)
  }
}

/// The entity tag of an answer: its SHA-256 in hexadecimal (RFC 9919 7.2), without the quotes.
enum EntityTag {
  static func text(of digest: ResponseDigest) -> InlineArray<64, UInt8> {
    var text = InlineArray<64, UInt8>(repeating: 0)
    var span = text.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { target in
      if let start = target.baseAddress { unsafe digest.writeHexadecimal(to: start) }
    }
    return text
  }
}
