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
  /// id-ce-cRLReasons, 2.5.29.21 (RFC 5280 5.3.1).
  public static let reasonCode: [UInt8] = [0x55, 0x1D, 0x15]
  /// id-ce-invalidityDate, 2.5.29.24 (RFC 5280 5.3.2).
  public static let invalidityDate: [UInt8] = [0x55, 0x1D, 0x18]

  /// id-pkix-ocsp and one more arc.
  private static func arc(_ last: UInt8) -> [UInt8] {
    [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, last]
  }

  /// The dotted form of content octets, for messages: `1.3.6.1.5.5.7.48.1.2`. Nil for what is no OBJECT IDENTIFIER
  /// (X.690 8.19), or has an arc of more than 128 bits.
  public static func text(of content: [UInt8]) -> String? {
    var arcs: [UInt128] = []
    var arc: UInt128 = 0
    var isInside = false
    for octet in content {
      // An arc has no leading zeros.
      guard isInside || octet != 0x80, arc >> 121 == 0 else { return nil }
      arc = arc << 7 | UInt128(octet & 0x7F)
      isInside = octet & 0x80 != 0
      if isInside { continue }
      // The first two arcs are one number; only below 2 may the second one be 40 or more.
      arcs += arcs.isEmpty ? [min(arc / 40, 2), arc - 40 * min(arc / 40, 2)] : [arc]
      arc = 0
    }
    return isInside || arcs.isEmpty ? nil : arcs.map { "\($0)" }.joined(separator: ".")
  }
}
