import CalendarTime
import EventLoop
import HTTPClient

/// One source of one issuer: when it is looked at next, and what is known of it. Belongs to the watcher's thread.
final class CRLSourceState {
  /// Stands for the source as long as the program runs.
  let id: Int
  let source: CRLSource
  /// Nil for a URL.
  let file: WatchedFile?
  /// Monotonic milliseconds.
  var nextLook: Int64
  /// Whether a fetch is under way.
  var isUnderWay = false
  /// Of a file: whether it has been looked at.
  var isKnown = false
  /// Of the file that was judged last.
  var version: WatchedFile.Version?
  /// Of the CRL that was accepted last.
  var digest: [UInt8]?
  /// What the server called the CRL that was accepted last.
  var entityTag: String?
  var lastModified: String?
  /// What is wrong with it; nil where nothing is.
  var trouble: String?
  /// Whether the trouble is that a base has not been read.
  var waitsForBase = false
  private var backoff: Backoff

  init(id: Int, source: CRLSource, now: Int64, pauses: Backoff) {
    self.id = id
    self.source = source
    if case .file(let path) = source { file = WatchedFile(path: path) } else { file = nil }
    nextLook = now
    backoff = pauses
  }

  /// Takes another interval over: it is not waited for longer than that.
  func hurry(_ pauses: Backoff, latest: Int64) {
    backoff = pauses
    nextLook = min(nextLook, latest)
  }

  /// Plans the next look after one that has failed.
  ///
  /// - Parameter isToBeReadAgain: whether what the source had was read, and has to be read again though it may be the same.
  func retry(after now: Int64, isToBeReadAgain: Bool) {
    var generator = SystemRandomNumberGenerator()
    nextLook = now + Int64(backoff.next(using: &generator))
    version = nil
    if isToBeReadAgain { (entityTag, lastModified) = (nil, nil) }
  }

  /// Plans the next look after one that went well: up to a tenth early, so that many do not come together.
  func rest(after now: Int64, milliseconds: Int64) {
    backoff.reset()
    nextLook = now + milliseconds - Int64.random(in: 0...max(0, milliseconds / 10))
  }

  /// The request for a URL, with what spares the server the body (RFC 9110 13.1.2, 13.1.3).
  func request(_ url: String, _ feed: CRLFeed, _ times: CRLWatcher.Times) -> HTTPClient.Request {
    var request = HTTPClient.Request(url: url)
    request.allowsHTTPS = true
    request.authorityPath = feed.authorityPath
    request.maximumRedirects = CRLWatcher.maximumRedirects
    request.maximumAnswerBytes = feed.maximumBytes
    request.connectTimeoutMilliseconds = times.connectMilliseconds
    request.timeoutMilliseconds = times.fetchMilliseconds
    request.headers = [("Accept", "application/pkix-crl, */*;q=0.5"), ("User-Agent", "avouch")]
    if let entityTag { request.headers.append(("If-None-Match", entityTag)) }
    if let lastModified { request.headers.append(("If-Modified-Since", lastModified)) }
    return request
  }
}
