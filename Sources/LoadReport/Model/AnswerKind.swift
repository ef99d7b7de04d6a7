/// What became of one request.
public enum AnswerKind: String, CaseIterable, Sendable, Hashable {
  // Fine: what was asked for, and right as far as it was checked.
  case good
  case revoked
  case unknown
  /// `unauthorized` (RFC 6960 2.3) where it was expected.
  case unauthorized
  /// HTTP 304 to a conditional request.
  case notModified
  /// `malformedRequest` (RFC 6960 2.3), said to a request that was damaged on purpose.
  case rejected
  /// HTTP 400, said to a request that was damaged on purpose.
  case rejectedByStatus

  // What a server under load may say.
  /// `tryLater` (RFC 6960 2.3).
  case tryLater
  /// HTTP 503 or 429.
  case refused

  // Failures.
  case connectFailed
  case connectTimeout
  /// The connection ended before the answer, or within it.
  case closedEarly
  /// No whole answer in time.
  case timeout
  /// An HTTP status other than 200, 304, 429 and 503.
  case httpStatus
  case notHTTP
  case wrongContentType
  /// The length that was announced is not that of the body, or none was announced.
  case contentLength
  /// The body is not the DER of an OCSP response.
  case malformedResponse
  /// `internalError` (RFC 6960 2.3).
  case internalError
  /// `sigRequired` (RFC 6960 2.3).
  case sigRequired
  /// `malformedRequest` (RFC 6960 2.3), said to a well-formed question.
  case malformedRequest
  /// The answer is about another certificate.
  case wrongCertID
  case wrongNonce
  /// nextUpdate has passed.
  case expired
  /// thisUpdate or producedAt lie in the future.
  case fromTheFuture
  case badSignature
  /// A status that the question cannot have: good for a serial that was never issued.
  case unexpectedStatus
  /// Planned and not sent before the end: no connection was free.
  case notSent

  /// What was asked for was given.
  public var isFine: Bool {
    switch self {
    case .good, .revoked, .unknown, .unauthorized, .notModified, .rejected, .rejectedByStatus: true
    default: false
    }
  }

  /// The server said honestly that it has no answer now.
  public var isRefusal: Bool { self == .tryLater || self == .refused }

  /// Neither fine nor refused.
  public var isFailure: Bool { !isFine && !isRefusal }

  /// Whether nothing came that could be judged: the others are answers, right or wrong.
  public var isSilence: Bool {
    switch self {
    case .connectFailed, .connectTimeout, .closedEarly, .timeout, .notSent: true
    default: false
    }
  }

  /// What a server has for lack of time or room, though all that it says may be right.
  public var isOverload: Bool {
    switch self {
    case .tryLater, .refused, .timeout, .connectTimeout, .notSent: true
    default: false
    }
  }

  /// In plain words, as tables show it.
  public var words: String {
    switch self {
    case .good, .revoked, .unknown, .unauthorized: rawValue
    case .notModified: "not modified"
    case .rejected: "rejected, as damaged"
    case .rejectedByStatus: "rejected by HTTP 400, as damaged"
    case .tryLater: "tryLater"
    case .refused: "refused (HTTP 503, 429)"
    case .connectFailed: "connect failed"
    case .connectTimeout: "connect timed out"
    case .closedEarly: "closed early"
    case .timeout: "timed out"
    case .httpStatus: "other HTTP status"
    case .notHTTP: "not HTTP"
    case .wrongContentType: "wrong content type"
    case .contentLength: "wrong content length"
    case .malformedResponse: "malformed response"
    case .internalError, .sigRequired, .malformedRequest: rawValue
    case .wrongCertID: "wrong CertID"
    case .wrongNonce: "wrong nonce"
    case .expired: "expired"
    case .fromTheFuture: "from the future"
    case .badSignature: "bad signature"
    case .unexpectedStatus: "unexpected status"
    case .notSent: "not sent"
    }
  }
}
