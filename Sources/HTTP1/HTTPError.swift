/// Why a request is refused before anybody looks at what it asks; the connection ends with it.
public enum HTTPError: Error, Sendable, Hashable {
  /// 400, with what is wrong.
  case badRequest(BadRequest)
  /// 408: the head or the body did not come in time.
  case timeout
  /// 413: the body is longer than the limit.
  case bodyTooLarge
  /// 414: the request target is longer than the limit.
  case targetTooLong
  /// 417: an expectation other than 100-continue.
  case unknownExpectation
  /// 431: the head is longer than the limit.
  case headTooLarge
  /// 501: a method that HTTP does not have, or not in that case (RFC 9110 9.1).
  case unknownMethod
  /// 501: a transfer coding other than chunked.
  case unknownTransferCoding
  /// 503: over the bound on connections.
  case tooManyConnections
  /// 505: neither HTTP/1.0 nor HTTP/1.1.
  case unknownVersion

  /// What makes a request a 400.
  public enum BadRequest: Sendable, Hashable {
    case requestLine
    case target
    case headerName
    case headerValue
    /// A header line that begins with white space (RFC 9112 5.2).
    case foldedHeader
    case bareCarriageReturn
    /// HTTP/1.1 without a Host, with two, or with one that is none (RFC 9112 3.2).
    case host
    case contentLength
    /// Transfer-Encoding beside Content-Length, in HTTP/1.0, or not ending in chunked (RFC 9112 6.1).
    case transferEncoding
    case chunk
  }

  public var status: Int {
    switch self {
    case .badRequest: 400
    case .timeout: 408
    case .bodyTooLarge: 413
    case .targetTooLong: 414
    case .unknownExpectation: 417
    case .headTooLarge: 431
    case .unknownMethod, .unknownTransferCoding: 501
    case .tooManyConnections: 503
    case .unknownVersion: 505
    }
  }

  /// The reason phrase of the status line (RFC 9110 15).
  public var reason: StaticString {
    switch self {
    case .badRequest: "Bad Request"
    case .timeout: "Request Timeout"
    case .bodyTooLarge: "Content Too Large"
    case .targetTooLong: "URI Too Long"
    case .unknownExpectation: "Expectation Failed"
    case .headTooLarge: "Request Header Fields Too Large"
    case .unknownMethod, .unknownTransferCoding: "Not Implemented"
    case .tooManyConnections: "Service Unavailable"
    case .unknownVersion: "HTTP Version Not Supported"
    }
  }

  /// One line for the person who reads the answer.
  public var explanation: StaticString {
    switch self {
    case .badRequest(.requestLine): "the request line is not METHOD SP TARGET SP HTTP/1.x"
    case .badRequest(.target): "the request target is neither a path nor an absolute http URL"
    case .badRequest(.headerName): "a header name has a character that is not allowed"
    case .badRequest(.headerValue): "the head has a control character"
    case .badRequest(.foldedHeader): "a header line begins with white space"
    case .badRequest(.bareCarriageReturn): "a carriage return stands alone"
    case .badRequest(.host): "HTTP/1.1 needs exactly one valid Host header"
    case .badRequest(.contentLength): "Content-Length is not one number"
    case .badRequest(.transferEncoding): "Transfer-Encoding is not allowed here"
    case .badRequest(.chunk): "the chunked body is malformed"
    case .timeout: "the request did not come in time"
    case .bodyTooLarge: "the request body is too large"
    case .targetTooLong: "the request target is too long"
    case .unknownExpectation: "only Expect: 100-continue is understood"
    case .headTooLarge: "the request head is too large"
    case .unknownMethod: "the method is unknown; methods are case-sensitive"
    case .unknownTransferCoding: "only the chunked transfer coding is understood"
    case .tooManyConnections: "too many connections, try again later"
    case .unknownVersion: "only HTTP/1.0 and HTTP/1.1 are spoken here"
    }
  }
}
