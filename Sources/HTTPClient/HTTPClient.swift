import CCurl

/// One HTTP exchange at a time, through libcurl: for commands, not for load. Blocks the calling thread. `HTTPFetcher` has
/// several under way, over connections that are kept.
public enum HTTPClient {
  /// What to send.
  public struct Request: Sendable {
    public enum Method: Sendable, Hashable {
      case get
      case post(body: [UInt8], contentType: String)
      /// Any other one, such as the PURGE of caches.
      case other(String, body: [UInt8])
    }

    /// `http://…`, and `https://…` where `allowsHTTPS` says so. OCSP answers are asked for over http alone, because they are
    /// signed themselves (RFC 6960 A.1).
    public var url: String
    public var method: Method
    /// Where set, the connection goes to this Unix socket whatever host the URL names.
    public var unixSocketPath: String?
    /// `host:port`: where set, the connection goes there whatever host the URL names; what the server is asked for stays.
    public var connectTo: String?
    /// Whether proxies that the environment names (`http_proxy`) are used; false for what is on this machine.
    public var usesProxies = true
    /// For all of it, connecting included.
    public var timeoutMilliseconds: Int = 10_000
    public var connectTimeoutMilliseconds: Int = 10_000
    /// Fields beside those that libcurl writes itself.
    public var headers: [(name: String, value: String)] = []
    /// With https the server's certificate and name are verified.
    public var allowsHTTPS = false
    /// CA certificates that vouch for https servers, a PEM file; nil for those of the system.
    public var authorityPath: String?
    /// How many redirects are followed; none leads from https back to http.
    public var maximumRedirects = 0
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
    /// The same without the place.
    public var reason = ""
    /// Whether nobody listens there at all: the connection was refused, or there is no such socket. False where somebody
    /// may be there and could not be reached (no permission, a full backlog, a timeout).
    public var isNobodyThere: Bool
  }

  public static func send(_ request: Request) throws(Failure) -> Response {
    guard let easy = unsafe curl_easy_init() else {
      throw Failure(description: "libcurl could not be started", isNobodyThere: false)
    }
    return try unsafe Exchange(easy, request).run()
  }
}
