public import CalendarTime

/// Why a certificate was revoked (RFC 5280 5.3.1). The raw value is the CRLReason's number.
public enum RevocationReason: UInt8, Sendable, Hashable, CaseIterable {
  case unspecified = 0
  case keyCompromise = 1
  case caCompromise = 2
  case affiliationChanged = 3
  case superseded = 4
  case cessationOfOperation = 5
  case certificateHold = 6
  // 7 is not used by the standard.
  case removeFromCRL = 8
  case privilegeWithdrawn = 9
  case aaCompromise = 10

  /// The name in the standard's own spelling: `keyCompromise`.
  public var name: String {
    switch self {
    case .unspecified: "unspecified"
    case .keyCompromise: "keyCompromise"
    case .caCompromise: "cACompromise"
    case .affiliationChanged: "affiliationChanged"
    case .superseded: "superseded"
    case .cessationOfOperation: "cessationOfOperation"
    case .certificateHold: "certificateHold"
    case .removeFromCRL: "removeFromCRL"
    case .privilegeWithdrawn: "privilegeWithdrawn"
    case .aaCompromise: "aACompromise"
    }
  }

  /// The reason of that name, in any case (`CAcompromise`, `cACompromise` and `caCompromise` are all written).
  public init?(name: String) {
    let wanted = name.lowercased()
    guard let found = RevocationReason.allCases.first(where: { $0.name.lowercased() == wanted }) else { return nil }
    self = found
  }
}

/// When and why a certificate was revoked: RevokedInfo of RFC 6960 4.2.1.
public struct Revocation: Sendable, Hashable {
  public var time: UnixTime
  /// Nil where no reason is known; the answer then carries none, which means `unspecified` (RFC 5280 5.3.1).
  public var reason: RevocationReason?

  public init(time: UnixTime, reason: RevocationReason?) {
    self.time = time
    self.reason = reason
  }
}

/// CertStatus of RFC 6960 4.2.1: what an answer says of one certificate.
public enum CertificateStatus: Sendable, Hashable {
  case good
  case revoked(Revocation)
  case unknown
}
