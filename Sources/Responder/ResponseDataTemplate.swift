import CalendarTime
import OCSP

/// The octets to sign of answers that differ in nothing but the serial: what is signed in bulk, one answer after the other in
/// the same second. Encoding them once saves most of the work beside the signature.
public struct ResponseDataTemplate {
  /// All that the octets depend on, save the serial's own.
  private struct Kind: Equatable {
    var issuer: IssuerIndex
    var hashAlgorithm: HashAlgorithm
    var credential: CredentialIndex
    var producedAt: UnixTime
    var nextUpdate: UnixTime
    var statement: AnswerBuilder.Statement
    var serialCount: Int
  }

  private struct Known {
    var kind: Kind
    var octets: [UInt8]
    var serialStart: Int
  }

  private var good: Known?
  /// Those stand scattered among the others and differ among each other, which must not cost the others theirs.
  private var notGood: Known?

  public init() {}

  /// The same as `AnswerBuilder.tbsResponseData`; nil where the issuer is retired.
  ///
  /// - Parameter credential: the issuer's; looked at only where the octets are not there yet.
  public mutating func tbsResponseData(
    _ statement: AnswerBuilder.Statement, key: ResponseKey, times: AnswerTimes, issuer: Issuer,
    credential: @autoclosure () -> SigningCredential
  ) -> [UInt8]? {
    let serial = key.serial
    let wanted = Kind(
      issuer: key.issuer, hashAlgorithm: key.hashAlgorithm, credential: issuer.credentialIndex,
      producedAt: times.producedAt, nextUpdate: times.nextUpdate, statement: statement, serialCount: serial.count)
    let isGood = statement.status == .good
    if let known = isGood ? good : notGood, known.kind == wanted {
      var result = known.octets
      serial.copy(into: &result, at: known.serialStart)
      return result
    }
    guard let certID = issuer.encodedCertID(serial, key.hashAlgorithm) else { return nil }
    let fresh = AnswerBuilder.tbsResponseData(
      statement, certID: certID, times: times, issuer: issuer, credential: credential())
    // The CertID ends with the serial, and its hashes stand nowhere else.
    guard let start = ResponseDataTemplate.place(of: certID, in: fresh) else { return fresh }
    let known = Known(kind: wanted, octets: fresh, serialStart: start + certID.count - serial.count)
    if isGood { good = known } else { notGood = known }
    return fresh
  }

  private static func place(of part: [UInt8], in whole: [UInt8]) -> Int? {
    guard part.count <= whole.count else { return nil }
    return (0...(whole.count - part.count)).first { whole[$0..<($0 + part.count)].elementsEqual(part) }
  }
}
