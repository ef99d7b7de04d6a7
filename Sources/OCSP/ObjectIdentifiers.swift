/// The content octets of the OBJECT IDENTIFIERs that OCSP names.
public enum ObjectIdentifier {
  /// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1 (RFC 6960 4.2.1).
  public static let basicResponse: [UInt8] = arc(1)
  /// id-pkix-ocsp-nonce (RFC 9654 2.1).
  public static let nonce: [UInt8] = arc(2)
  /// id-pkix-ocsp-response, AcceptableResponses (RFC 6960 4.4.3).
  public static let acceptableResponses: [UInt8] = arc(4)
  /// id-pkix-ocsp-archive-cutoff (RFC 6960 4.4.4).
  public static let archiveCutoff: [UInt8] = arc(6)
  /// id-pkix-ocsp-service-locator (RFC 6960 4.4.6).
  public static let serviceLocator: [UInt8] = arc(7)
  /// id-pkix-ocsp-pref-sig-algs (RFC 6960 4.4.7).
  public static let preferredSignatureAlgorithms: [UInt8] = arc(8)
  /// id-pkix-ocsp-extended-revoke (RFC 6960 4.4.8).
  public static let extendedRevoke: [UInt8] = arc(9)
  /// id-ce-invalidityDate, 2.5.29.24 (RFC 5280 5.3.2).
  public static let invalidityDate: [UInt8] = [0x55, 0x1D, 0x18]

  /// id-pkix-ocsp and one more arc.
  private static func arc(_ last: UInt8) -> [UInt8] {
    [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, last]
  }
}
