import Configuration
import OCSP
import Responder

/// What the public programmes forbid of one issuer beyond its configuration's own values.
enum ProgrammeRules {
  private static let lift = "where the issuer follows no public programme, say 'publicProgramme: false'"

  /// Refuses how answers would be signed: TLS BR 7.1.3.2 gives each curve its hash, and has no Ed25519 (standards 39).
  static func check(_ scheme: SignatureScheme, of issuer: Configuration.Issuer) throws(CommandFailure) {
    guard issuer.isPublicProgramme else { return }
    let expected: HashAlgorithm
    switch scheme.key {
    case .p256: expected = .sha256
    case .p384: expected = .sha384
    case .p521: expected = .sha512
    // The hash of an RSA signature is free among the three that are possible.
    case .rsa: return
    case .ed25519:
      throw .no("issuer '\(issuer.name)': an Ed25519 key; TLS BR 7.1.3.2 allows RSA and ECDSA only; \(lift)")
    }
    guard scheme.digest != expected else { return }
    throw .no(
      "issuer '\(issuer.name)': signer.digest is \(scheme.digest?.name ?? "none"); TLS BR 7.1.3.2 wants "
        + "\(expected.name) of a \(scheme.key) key, which is what \"auto\" takes; \(lift)")
  }

  /// Why a certificate may not be revoked for that reason; nil where it may.
  ///
  /// TLS BR 7.2.2 lists five reasons and no reason at all, for certificates of subscribers. cACompromise is what a CA's
  /// own certificate is revoked for, and a responder cannot tell whose a serial is.
  static func objection(to reason: RevocationReason?, of issuer: Configuration.Issuer) -> String? {
    guard issuer.isPublicProgramme else { return nil }
    switch reason {
    case .certificateHold:
      return "certificateHold is forbidden: no certificate may be suspended (TLS BR 4.9.13, 7.2.2); \(lift)"
    case .aaCompromise, .removeFromCRL:
      return "\(reason?.name ?? "") is none of the reasons that TLS BR 7.2.2 allows; \(lift)"
    default: return nil
    }
  }
}
