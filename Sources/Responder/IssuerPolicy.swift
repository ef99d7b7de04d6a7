public import OCSP

/// What is answered for a serial number that the issuer never issued.
public enum UnissuedPolicy: Sendable, Hashable {
  /// The unsigned error `unauthorized` (RFC 9919 3.2.3): costs no signature. The default.
  case unauthorized
  /// A signed `unknown`.
  case unknown
  /// A signed `revoked`, certificateHold at 1970-01-01 with the extended-revoke extension (RFC 6960 2.2).
  case extendedRevoke
  /// A signed `good`: forbidden by every public programme, for those who insist.
  case good
}

/// What goes into the archiveCutoff extension (RFC 6960 4.4.4).
public enum ArchiveCutoff: Sendable, Hashable {
  case none
  /// The notBefore of the issuer's certificate (ETSI EN 319 411-2 CSS-6.3.10-10).
  case issuerNotBefore
  /// producedAt less this many seconds.
  case retention(seconds: Int64)
}

/// How one issuer's answers are made. All of it comes from the configuration.
public struct IssuerPolicy: Sendable, Hashable {
  public var unissued: UnissuedPolicy = .unauthorized
  /// nextUpdate is thisUpdate plus this, minus one second, because the rules count both ends (standards 36).
  public var validitySeconds: Int64 = 3 * 86_400
  /// nextUpdate is 9999-12-31T23:59:59Z whatever the validity (ETSI EN 319 411-2 CSS-6.3.10-11).
  public var isForever: Bool = false
  /// An answer is planned to be replaced at this age.
  public var refreshAgeSeconds: Int64 = 36 * 3600
  /// The cap of max-age; what is sent is also never past the planned refresh.
  public var maximumAgeSeconds: Int64 = 3600
  /// Answers that are signed before anybody asks.
  public var presignedAlgorithms: [HashAlgorithm] = [.sha1]
  /// False answers a question that carries a nonce with the pre-built answer that carries none (RFC 9654 2.1).
  public var echoesNonce: Bool = true
  /// True answers a signed request with `unauthorized`; false ignores its signature (RFC 9919 3.1.2).
  public var refusesSignedRequests: Bool = false
  public var archiveCutoff: ArchiveCutoff = .none
  /// How long past its notAfter a certificate is still answered for; nil for ever.
  public var keepExpiredSeconds: Int64?

  public init() {}
}
