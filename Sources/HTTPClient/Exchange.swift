import CCurl
import Glibc

/// One request and what has come of its answer; libcurl calls back on the thread that sends.
@safe
final class Exchange {
  let easy: UnsafeMutableRawPointer
  private let request: HTTPClient.Request
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var connectList: UnsafeMutablePointer<curl_slist>?
  private var body: [UInt8] = []
  private var headers: [(name: String, value: String)] = []

  init(_ easy: UnsafeMutableRawPointer, _ request: HTTPClient.Request) {
    unsafe self.easy = unsafe easy
    self.request = request
    setOptions()
    setSecurity()
    setFields()
    setSinks()
  }

  deinit {
    unsafe curl_easy_cleanup(easy)
    unsafe curl_slist_free_all(headerList)
    unsafe curl_slist_free_all(connectList)
  }

  func run() throws(HTTPClient.Failure) -> HTTPClient.Response {
    try outcome(unsafe curl_easy_perform(easy))
  }

  /// What came of it, once libcurl has ended.
  func outcome(_ code: CURLcode) throws(HTTPClient.Failure) -> HTTPClient.Response {
    guard code == CURLE_OK else { throw failure(code) }
    return response()
  }

  private func setOptions() {
    unsafe avouch_curl_set_text(easy, CURLOPT_URL, request.url)
    // The target goes out as it was given: `//` is data.
    unsafe avouch_curl_set_long(easy, CURLOPT_PATH_AS_IS, 1)
    unsafe avouch_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    unsafe avouch_curl_set_long(easy, CURLOPT_TIMEOUT_MS, request.timeoutMilliseconds)
    unsafe avouch_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeoutMilliseconds)
    // What says that it is larger is not even begun; what does not say so is cut off by `takeBody`.
    unsafe avouch_curl_set_offset(easy, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(request.maximumAnswerBytes))
    if let path = request.unixSocketPath { unsafe avouch_curl_set_text(easy, CURLOPT_UNIX_SOCKET_PATH, path) }
    if let place = request.connectTo {
      // Whatever host and port the URL has.
      unsafe connectList = unsafe curl_slist_append(nil, "::\(place)")
      if let list = unsafe connectList { unsafe avouch_curl_set_pointer(easy, CURLOPT_CONNECT_TO, list) }
    }
    if !request.usesProxies { unsafe avouch_curl_set_text(easy, CURLOPT_NOPROXY, "*") }
  }

  private func setSecurity() {
    let isSecure = request.url.lowercased().hasPrefix("https:")
    unsafe avouch_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, request.allowsHTTPS ? "http,https" : "http")
    unsafe avouch_curl_set_long(easy, CURLOPT_FOLLOWLOCATION, request.maximumRedirects > 0 ? 1 : 0)
    unsafe avouch_curl_set_long(easy, CURLOPT_MAXREDIRS, request.maximumRedirects)
    // Who asked for https is not led to a server that anybody may play.
    unsafe avouch_curl_set_text(
      easy, CURLOPT_REDIR_PROTOCOLS_STR, isSecure ? "https" : request.allowsHTTPS ? "http,https" : "http")
    unsafe avouch_curl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 1)
    unsafe avouch_curl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 2)
    if let path = request.authorityPath {
      unsafe avouch_curl_set_text(easy, CURLOPT_CAINFO, path)
      // The system's folder of authorities would vouch beside it.
      unsafe avouch_curl_set_pointer(easy, CURLOPT_CAPATH, nil)
    }
  }

  private func setFields() {
    for (name, value) in request.headers {
      unsafe headerList = unsafe curl_slist_append(headerList, "\(name): \(value)")
    }
    switch request.method {
    case .get: break
    case .post(let body, let contentType):
      setBody(body)
      unsafe headerList = unsafe curl_slist_append(headerList, "Content-Type: \(contentType)")
    case .other(let name, let body):
      // Servers want to be told that there is none, of methods that ought to have one.
      if !body.isEmpty || ["POST", "PUT", "PATCH"].contains(name) {
        setBody(body)
        // Else libcurl says that it is a form.
        if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
          unsafe headerList = unsafe curl_slist_append(headerList, "Content-Type:")
        }
      }
      unsafe avouch_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, name)
    }
    if let list = unsafe headerList { unsafe avouch_curl_set_pointer(easy, CURLOPT_HTTPHEADER, list) }
  }

  private func setBody(_ body: [UInt8]) {
    unsafe avouch_curl_set_long(easy, CURLOPT_POST, 1)
    unsafe avouch_curl_set_long(easy, CURLOPT_POSTFIELDSIZE, body.count)
    // COPYPOSTFIELDS takes a copy at once; its length is the size set before.
    // With none at all libcurl would read the body from standard input.
    _ = unsafe (body.isEmpty ? [0] : body).withUnsafeBytes { octets in
      unsafe avouch_curl_set_pointer(
        easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: octets.baseAddress))
    }
    unsafe headerList = unsafe curl_slist_append(headerList, "Expect:")
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
    guard body.count + chunk.count <= request.maximumAnswerBytes else { return 0 }
    // Once, as the server has promised: an array that doubles would for a while have the octets twice.
    if body.isEmpty, let promised { body.reserveCapacity(min(promised, request.maximumAnswerBytes)) }
    unsafe body += chunk
    return chunk.count
  }

  private var promised: Int? {
    headers.last { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) }.flatMap { $0 > 0 ? $0 : nil }
  }

  private func takeHeader(_ line: String) {
    // A new status line begins a new answer: what came before it was a 100, or a redirect with a body of its own.
    if line.hasPrefix("HTTP/") {
      headers = []
      body = []
      return
    }
    // By octets: a line has ten characters for each that matters, and finding where one ends costs more than all else.
    guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), headers.count < 200 else { return }
    headers.append((String(line[..<colon]), trimmed(line[line.utf8.index(after: colon)...])))
  }

  private func trimmed(_ text: Substring) -> String {
    var rest = text.utf8.drop { Exchange.isBlank($0) }
    while let last = rest.last, Exchange.isBlank(last) { rest = rest.dropLast() }
    return String(Substring(rest))
  }

  private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || (0x09...0x0D).contains(octet) }

  private func response() -> HTTPClient.Response {
    var status = 0
    var microseconds: curl_off_t = 0
    unsafe avouch_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
    unsafe avouch_curl_get_microseconds(easy, CURLINFO_TOTAL_TIME_T, &microseconds)
    return HTTPClient.Response(
      status: status, headers: headers, body: body, milliseconds: Double(microseconds) / 1000)
  }

  private func failure(_ code: CURLcode) -> HTTPClient.Failure {
    let reason = unsafe curl_easy_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code.rawValue)"
    let place = request.unixSocketPath ?? request.url
    let isTooLarge = code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED
    let extra = isTooLarge ? " (the answer is larger than \(request.maximumAnswerBytes) octets)" : ""
    var systemError = 0
    unsafe avouch_curl_get_long(easy, CURLINFO_OS_ERRNO, &systemError)
    let isRefused = systemError == Int(ECONNREFUSED) || systemError == Int(ENOENT)
    let systemReason =
      code == CURLE_COULDNT_CONNECT && systemError != 0
      ? unsafe " (\(String(cString: strerror(Int32(truncatingIfNeeded: systemError)))))" : ""
    return HTTPClient.Failure(
      description: "\(place): \(reason)\(systemReason)\(extra)", reason: "\(reason)\(systemReason)\(extra)",
      isNobodyThere: code == CURLE_COULDNT_CONNECT && isRefused)
  }
}
