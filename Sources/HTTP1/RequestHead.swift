/// The methods that a responder tells apart, in their own case (RFC 9110 9.1); any other is refused with 501.
public enum RequestMethod: Sendable, Hashable {
  case get
  case head
  case post
  case options
  /// PUT, DELETE, CONNECT, TRACE (RFC 9110 9.3) or PATCH (RFC 5789): known, and answered nowhere.
  case other
}

/// How long the body of a request is (RFC 9112 6).
public enum BodyFraming: Sendable, Hashable {
  case none
  case length(Int)
  case chunked
}

/// The request line and header fields of one request (RFC 9112 3 and 5): values, and offsets into its octets.
public struct RequestHead: Sendable {
  public var method: RequestMethod
  /// 0 or 1: the digit behind `HTTP/1.`.
  public var minorVersion: UInt8
  /// The path and query as they were sent, never normalised; of an absolute-form target what follows the authority.
  public var target: Range<Int>
  public var framing = BodyFraming.none
  /// Whether the client wants the connection to stay open (RFC 9112 9.3).
  public var keepsAlive: Bool
  /// `Expect: 100-continue` of an HTTP/1.1 client.
  public var expectsContinue = false
  /// The values of the If-None-Match lines; at most four are kept.
  public var ifNoneMatch = HeaderValues()
  /// The value of the If-Modified-Since line; nil where there are several, which mean nothing (RFC 9110 13.1.3).
  public var ifModifiedSince: Range<Int>?

  public init(method: RequestMethod, minorVersion: UInt8, target: Range<Int>, keepsAlive: Bool) {
    self.method = method
    self.minorVersion = minorVersion
    self.target = target
    self.keepsAlive = keepsAlive
  }

  public var isGetOrHead: Bool { method == .get || method == .head }
}

/// The values of a header field that may stand on several lines, stored inline.
public struct HeaderValues: Sendable {
  /// Where each begins, and above 32 bits where it ends: a head has a few thousand octets, and is passed on often.
  private var ranges = InlineArray<4, UInt64>(repeating: 0)
  public private(set) var count = 0

  public init() {}

  public subscript(index: Int) -> Range<Int> {
    precondition(index < count)
    return Int(ranges[index] & 0xFFFF_FFFF)..<Int(ranges[index] >> 32)
  }

  mutating func append(_ range: Range<Int>) {
    guard count < 4, range.upperBound < 1 << 32 else { return }
    ranges[count] = UInt64(range.lowerBound) | UInt64(range.upperBound) << 32
    count += 1
  }
}
