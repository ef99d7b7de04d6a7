/// How requests are written, but for what they ask.
public struct RequestForm: Sendable {
  /// What becomes of connections.
  public enum Connection: Sendable, Hashable {
    case keepAlive
    /// One request for each.
    case close
    /// So many requests at once on each, the next without waiting for the answer to the one before.
    case pipelined(depth: Int)

    /// Requests that are under way at once.
    var depth: Int {
      if case .pipelined(let depth) = self { depth } else { 1 }
    }
  }

  public static let maximumDepth = 256

  public var connection = Connection.keepAlive
  /// HTTP/1.0, as many clients of OCSP still speak it.
  public var isHTTP10 = false
  /// Whole lines without their ends: `Name: value`.
  public var extraHeaders: [String] = []

  public init() {}

  /// What follows the target: version and fields, without the empty line.
  func head(_ target: LoadTarget) -> String {
    var lines = [isHTTP10 ? " HTTP/1.0" : " HTTP/1.1"]
    // A cache may be asked under another name than its own.
    if !extraHeaders.contains(where: { $0.lowercased().hasPrefix("host:") }) {
      lines.append("Host: \(target.authority)")
    }
    // HTTP/1.1 keeps a connection unless told, HTTP/1.0 closes it unless told (RFC 9112 9.3).
    switch (isHTTP10, connection) {
    case (false, .close): lines.append("Connection: close")
    case (true, .keepAlive), (true, .pipelined): lines.append("Connection: keep-alive")
    case (false, _), (true, .close): break
    }
    return (lines + extraHeaders).map { $0 + "\r\n" }.joined()
  }
}
