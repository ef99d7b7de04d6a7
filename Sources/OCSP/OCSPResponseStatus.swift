/// How a request was received (RFC 6960 2.3 and 4.2.1).
public enum OCSPResponseStatus: UInt8, Sendable, Hashable, CaseIterable {
  case successful = 0
  case malformedRequest = 1
  case internalError = 2
  case tryLater = 3
  // 4 is not used by the standard.
  case sigRequired = 5
  case unauthorized = 6

  /// The name in the standard's own spelling.
  public var name: String {
    switch self {
    case .successful: "successful"
    case .malformedRequest: "malformedRequest"
    case .internalError: "internalError"
    case .tryLater: "tryLater"
    case .sigRequired: "sigRequired"
    case .unauthorized: "unauthorized"
    }
  }
}
