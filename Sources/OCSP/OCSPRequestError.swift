public import DER

/// Why a request is answered with `malformedRequest` (RFC 6960 2.3).
public enum OCSPRequestError: Error, Sendable, Hashable, CustomStringConvertible {
  case notDER(DERError)
  /// The list of questions is empty.
  case noQuestion
  case tooManyQuestions
  case tooManyExtensions
  /// An extension marked critical that Avouch does not know (RFC 6960 4.1.2).
  case unknownCriticalExtension
  /// One extension twice (RFC 5280 4.2).
  case repeatedExtension
  /// A nonce of no or of over 128 octets (RFC 9654 2.1).
  case nonceLength
  /// A version other than v1.
  case version

  public var description: String {
    switch self {
    case .notDER(let error): "not a DER OCSPRequest: \(error)"
    case .noQuestion: "the request asks of no certificate"
    case .tooManyQuestions: "the request asks of too many certificates"
    case .tooManyExtensions: "the request has too many extensions"
    case .unknownCriticalExtension: "an unknown extension is marked critical"
    case .repeatedExtension: "an extension is there twice"
    case .nonceLength: "the nonce has no octets or over 128"
    case .version: "the request's version is not v1"
    }
  }
}
