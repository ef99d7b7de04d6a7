public import CalendarTime
public import OCSP

/// What the status store holds of one certificate that an issuer has issued.
public struct CertificateRecord: Sendable, Hashable {
  /// The most that `singleExtensions` may have: answers stay small, and buffers have their bound.
  public static let maximumSingleExtensionOctets = 4096

  public var serial: SerialNumber
  /// The end of the certificate's validity; nil where the source does not say (a CRL lists serials alone).
  public var notAfter: UnixTime?
  /// Nil for a certificate that is not revoked.
  public var revocation: Revocation?
  /// The complete DER `Extension` elements, one after the other, that the answer carries in singleExtensions
  /// (RFC 6960 4.4: invalidityDate, certHash, SCT list...); empty for most.
  public var singleExtensions: [UInt8]

  public init(
    serial: SerialNumber, notAfter: UnixTime?, revocation: Revocation? = nil, singleExtensions: [UInt8] = []
  ) {
    self.serial = serial
    self.notAfter = notAfter
    self.revocation = revocation
    self.singleExtensions = singleExtensions
  }

  /// Good or revoked, as an answer says it.
  public var status: CertificateStatus {
    if let revocation { .revoked(revocation) } else { .good }
  }
}
