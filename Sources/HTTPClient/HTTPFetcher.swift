import CCurl

/// Several HTTP exchanges at once over connections that are kept, through libcurl's multi interface.
///
/// Belongs to one thread, save for `wakeUp`.
@safe
public final class HTTPFetcher: @unchecked Sendable {
  // Only curl_multi_wakeup is called by other threads, which libcurl allows.
  private let multi: UnsafeMutableRawPointer
  /// By the address of the handle.
  private var underWay: [UInt: (id: Int, exchange: Exchange)] = [:]

  /// - Parameter maximumConnections: exchanges over it wait for one of them to end.
  public init(maximumConnections: Int) throws(HTTPClient.Failure) {
    guard let multi = unsafe curl_multi_init() else {
      throw HTTPClient.Failure(description: "libcurl could not be started", isNobodyThere: false)
    }
    unsafe self.multi = unsafe multi
    unsafe avouch_curl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, maximumConnections)
    unsafe avouch_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, maximumConnections)
  }

  deinit {
    for (_, exchange) in underWay.values { unsafe curl_multi_remove_handle(multi, exchange.easy) }
    underWay = [:]
    unsafe curl_multi_cleanup(multi)
  }

  /// How many exchanges have begun and not ended.
  public var count: Int { underWay.count }

  /// Begins an exchange, whose outcome `run` gives under that number.
  public func begin(_ request: HTTPClient.Request, id: Int) throws(HTTPClient.Failure) {
    guard let easy = unsafe curl_easy_init() else {
      throw HTTPClient.Failure(description: "libcurl could not be started", isNobodyThere: false)
    }
    let exchange = unsafe Exchange(easy, request)
    guard unsafe curl_multi_add_handle(multi, easy) == CURLM_OK else {
      throw HTTPClient.Failure(description: "\(request.url): libcurl does not take it", isNobodyThere: false)
    }
    underWay[UInt(bitPattern: easy)] = (id, exchange)
  }

  /// Moves octets, and waits until something has happened, `wakeUp` was called, or for so long. Gives what has ended.
  public func run(
    milliseconds: Int
  ) -> [(id: Int, outcome: Result<HTTPClient.Response, HTTPClient.Failure>)] {
    var running: Int32 = 0
    unsafe curl_multi_perform(multi, &running)
    var ended = takeEnded()
    if ended.isEmpty {
      unsafe curl_multi_poll(multi, nil, 0, Int32(clamping: milliseconds), nil)
      unsafe curl_multi_perform(multi, &running)
      ended = takeEnded()
    }
    return ended
  }

  /// Ends a `run` that waits. Any thread may call it.
  public func wakeUp() {
    unsafe curl_multi_wakeup(multi)
  }

  private func takeEnded() -> [(id: Int, outcome: Result<HTTPClient.Response, HTTPClient.Failure>)] {
    var ended: [(id: Int, outcome: Result<HTTPClient.Response, HTTPClient.Failure>)] = []
    var code = CURLE_OK
    while let easy = unsafe avouch_curl_multi_next_ended(multi, &code) {
      unsafe curl_multi_remove_handle(multi, easy)
      guard let (id, exchange) = underWay.removeValue(forKey: UInt(bitPattern: easy)) else { continue }
      ended.append((id, Result { () throws(HTTPClient.Failure) in try exchange.outcome(code) }))
    }
    return ended
  }
}
