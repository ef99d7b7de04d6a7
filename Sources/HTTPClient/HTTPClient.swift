import CCurl
import Glibc

/// One HTTP exchange at a time, through libcurl: for commands, not for load. Blocks the calling thread.
public enum HTTPClient {
  /// What to send.
  public struct Request: Sendable {
    public enum Method: Sendable, Hashable {
      case get
      case post(body: [UInt8], contentType: String)
    }

    /// `http://…`; nothing but http is spoken here, because OCSP answers are signed themselves (RFC 6960 A.1).
    public var url: String
    public var method: Method
    /// Where set, the connection goes to this Unix socket whatever host the URL names.
    public var unixSocketPath: String?
    /// Whether proxies that the environment names (`http_proxy`) are used; false for what is on this machine.
    public var usesProxies = true
    public var timeoutMilliseconds: Int = 10_000
    /// Answers beyond this are cut off with an error.
    public var maximumAnswerBytes: Int = 1 << 20

    public init(url: String, method: Method = .get, unixSocketPath: String? = nil) {
      self.url = url
      self.method = method
      self.unixSocketPath = unixSocketPath
    }
  }

  /// What came back.
  public struct Response: Sendable {
    public var status: Int
    /// In the order sent, names as sent.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// From the first octet sent to the last one received, connecting included.
    public var milliseconds: Double

    /// The value of the first header of that name, in any case.
    public func header(_ name: String) -> String? {
      let wanted = name.lowercased()
      return headers.first { $0.name.lowercased() == wanted }?.value
    }
  }

  /// Nothing came back, and why, in libcurl's words.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    public var description: String
    /// Whether nobody listens there at all: the connection was refused, or there is no such socket. False where somebody
    /// may be there and could not be reached (no permission, a full backlog, a timeout).
    public var isNobodyThere: Bool
  }

  public static func send(_ request: Request) throws(Failure) -> Response {
    guard let easy = unsafe curl_easy_init() else {
      throw Failure(description: "libcurl could not be started", isNobodyThere: false)
    }
    let exchange = unsafe Exchange(easy, maximumBytes: request.maximumAnswerBytes)
    return try exchange.run(request)
  }
}

/// The callbacks' memory; libcurl calls them on the thread that sends.
@safe
private final class Exchange {
  private let easy: UnsafeMutableRawPointer
  private let maximumBytes: Int
  private var body: [UInt8] = []
  private var headers: [(name: String, value: String)] = []

  init(_ easy: UnsafeMutableRawPointer, maximumBytes: Int) {
    unsafe self.easy = unsafe easy
    self.maximumBytes = maximumBytes
  }

  deinit {
    unsafe curl_easy_cleanup(easy)
  }

  func run(_ request: HTTPClient.Request) throws(HTTPClient.Failure) -> HTTPClient.Response {
    var headerList: UnsafeMutablePointer<curl_slist>?
    defer { unsafe curl_slist_free_all(headerList) }
    unsafe avouch_curl_set_text(easy, CURLOPT_URL, request.url)
    unsafe avouch_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http")
    // The target goes out as it was given: `//` is data.
    unsafe avouch_curl_set_long(easy, CURLOPT_PATH_AS_IS, 1)
    unsafe avouch_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    unsafe avouch_curl_set_long(easy, CURLOPT_TIMEOUT_MS, request.timeoutMilliseconds)
    if let path = request.unixSocketPath { unsafe avouch_curl_set_text(easy, CURLOPT_UNIX_SOCKET_PATH, path) }
    if !request.usesProxies { unsafe avouch_curl_set_text(easy, CURLOPT_NOPROXY, "*") }
    if case .post(let body, let contentType) = request.method {
      unsafe avouch_curl_set_long(easy, CURLOPT_POST, 1)
      unsafe avouch_curl_set_long(easy, CURLOPT_POSTFIELDSIZE, body.count)
      // COPYPOSTFIELDS takes a copy at once; its length is the size set before.
      // With none at all libcurl would read the body from standard input.
      _ = unsafe (body.isEmpty ? [0] : body).withUnsafeBytes { octets in
        unsafe avouch_curl_set_pointer(
          easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: octets.baseAddress))
      }
      unsafe headerList = unsafe curl_slist_append(headerList, "Content-Type: \(contentType)")
      unsafe headerList = unsafe curl_slist_append(headerList, "Expect:")
      unsafe avouch_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headerList)
    }
    setSinks()
    let code = unsafe curl_easy_perform(easy)
    guard code == CURLE_OK else { throw failure(code, request) }
    return response()
  }

  private func setSinks() {
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe avouch_curl_set_pointer(easy, CURLOPT_WRITEDATA, me)
    unsafe avouch_curl_set_sink(easy, CURLOPT_WRITEFUNCTION) { octets, size, count, context in
      guard let octets = unsafe octets, let context = unsafe context else { return 0 }
      let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
      let chunk = unsafe UnsafeRawBufferPointer(start: octets, count: size * count)
      return unsafe exchange.takeBody(chunk)
    }
    unsafe avouch_curl_set_pointer(easy, CURLOPT_HEADERDATA, me)
    unsafe avouch_curl_set_sink(easy, CURLOPT_HEADERFUNCTION) { octets, size, count, context in
      guard let octets = unsafe octets, let context = unsafe context else { return 0 }
      let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
      let line = unsafe UnsafeRawBufferPointer(start: octets, count: size * count)
      unsafe exchange.takeHeader(String(decoding: line, as: UTF8.self))
      return size * count
    }
  }

  private func takeBody(_ chunk: UnsafeRawBufferPointer) -> Int {
    guard body.count + chunk.count <= maximumBytes else { return 0 }
    unsafe body += chunk
    return chunk.count
  }

  private func takeHeader(_ line: String) {
    // A new status line begins a new answer: what came before it was a 100.
    if line.hasPrefix("HTTP/") {
      headers = []
      return
    }
    guard let colon = line.firstIndex(of: ":"), headers.count < 200 else { return }
    let value = line[line.index(after: colon)...]
    headers.append((String(line[..<colon]), trimmed(value)))
  }

  private func trimmed(_ text: Substring) -> String {
    var rest = text.drop { $0 == " " || $0 == "\t" }
    while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
    return String(rest)
  }

  private func response() -> HTTPClient.Response {
    var status = 0
    var microseconds: curl_off_t = 0
    unsafe avouch_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
    unsafe avouch_curl_get_microseconds(easy, CURLINFO_TOTAL_TIME_T, &microseconds)
    return HTTPClient.Response(
      status: status, headers: headers, body: body, milliseconds: Double(microseconds) / 1000)
  }

  private func failure(_ code: CURLcode, _ request: HTTPClient.Request) -> HTTPClient.Failure {
    let reason = unsafe curl_easy_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code.rawValue)"
    let place = request.unixSocketPath ?? request.url
    let extra = code == CURLE_WRITE_ERROR ? " (the answer is larger than \(maximumBytes) octets)" : ""
    var systemError = 0
    unsafe avouch_curl_get_long(easy, CURLINFO_OS_ERRNO, &systemError)
    let isRefused = systemError == Int(ECONNREFUSED) || systemError == Int(ENOENT)
    let systemReason =
      code == CURLE_COULDNT_CONNECT && systemError != 0
      ? unsafe " (\(String(cString: strerror(Int32(truncatingIfNeeded: systemError)))))" : ""
    return HTTPClient.Failure(
      description: "\(place): \(reason)\(systemReason)\(extra)",
      isNobodyThere: code == CURLE_COULDNT_CONNECT && isRefused)
  }
}
