public import CalendarTime

/// Whether a key may sign an issuer's answers, looked at before anything is served.
public enum SignerCheck {
  /// - Parameters:
  ///   - certificate: the delegated responder's; nil where the CA signs itself.
  ///   - keys: those that are at hand; one in a token proves by a signature that it is the right one.
  ///   - untimely: what becomes of a signer's certificate that has ended or not begun.
  ///   - names: the files, for messages.
  /// - Returns: warnings, for things that clients tolerate and rules do not.
  public static func run(
    issuer: Certificate, certificate: Certificate?, keys: [(key: PrivateKey, name: String)], now: UnixTime,
    untimely: Untimely = .refused, names: Names
  ) throws(CryptoError) -> [String] {
    guard issuer.isCertificateAuthority else {
      throw CryptoError(
        "\(names.issuer): \(issuer.subjectText) is not a CA certificate (no basicConstraints CA:TRUE); "
          + "'certificate' must be the CA that issued what is asked about")
    }
    let signer = certificate ?? issuer
    let signerName = certificate == nil ? names.issuer : names.certificate
    for (key, name) in keys where !key.belongs(to: signer) {
      throw CryptoError("\(name): this is not the private key of \(signerName) (\(signer.subjectText))")
    }
    var warnings: [String] = []
    if !(signer.notBefore <= now && now < signer.notAfter) {
      let what =
        "\(signerName): \(signer.subjectText) is valid from \(signer.notBefore.iso8601) to "
        + "\(signer.notAfter.iso8601), and it is \(now.iso8601)"
      guard untimely == .warnedOf else { throw CryptoError(what) }
      warnings.append("\(what): nothing is signed for this issuer")
    }
    if let certificate { return warnings + (try checkDelegate(certificate, issuer: issuer, now: now, names: names)) }
    if !issuer.mayMakeDigitalSignatures {
      warnings.append(
        "\(names.issuer): keyUsage has no digitalSignature; the rules want it of a CA that signs its own answers")
    }
    return warnings
  }

  /// What becomes of a certificate that is not valid now. Time alone brings that about, whatever was checked before:
  /// who serves others besides should go on.
  public enum Untimely: Sendable {
    case refused
    case warnedOf
  }

  /// The files that messages name.
  public struct Names: Sendable {
    public var issuer: String
    public var certificate: String

    public init(issuer: String, certificate: String) {
      self.issuer = issuer
      self.certificate = certificate
    }
  }

  private static func checkDelegate(
    _ certificate: Certificate, issuer: Certificate, now: UnixTime, names: Names
  ) throws(CryptoError) -> [String] {
    let who = "\(names.certificate) (\(certificate.subjectText))"
    guard certificate.isIssued(by: issuer) else {
      throw CryptoError(
        "\(who): not issued by \(names.issuer) (\(issuer.subjectText)); a delegated responder's certificate must come "
          + "directly from the CA it answers for (RFC 6960 4.2.2.2)")
    }
    guard certificate.hasOCSPSigningUsage else {
      throw CryptoError(
        "\(who): the extended key usage OCSPSigning is missing; clients refuse its answers (RFC 6960 4.2.2.2)")
    }
    guard certificate.mayMakeDigitalSignatures else {
      throw CryptoError("\(who): keyUsage has no digitalSignature; it may not sign answers")
    }
    var warnings: [String] = []
    if !certificate.hasOCSPNoCheck {
      warnings.append(
        "\(who): id-pkix-ocsp-nocheck is missing; clients may ask whether the responder's own certificate is good "
          + "(RFC 6960 4.2.2.2.1), and the CA/Browser Forum requires it")
    }
    if now < certificate.notAfter, now.advanced(bySeconds: 14 * 86_400) > certificate.notAfter {
      warnings.append("\(who): ends at \(certificate.notAfter.iso8601); renew it soon, answers cannot outlive it")
    }
    return warnings
  }
}
