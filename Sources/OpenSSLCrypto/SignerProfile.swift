import COpenSSL
public import CalendarTime

/// Whether relying parties and the public programmes' rules take the certificates that answers are verified with
/// (standards 38, 39 and 42). `SignerCheck` has looked before at whether they belong together.
public enum SignerProfile {
  private static let day: Int64 = 86_400
  /// The longest validity of a public TLS certificate, and a year with room for its renewal.
  private static let longValiditySeconds = 398 * day

  /// - Parameters:
  ///   - certificate: the delegated responder's; nil where the CA signs itself.
  ///   - isPublicProgramme: whether what the public programmes forbid is an error.
  ///   - untimely: what becomes of a CA certificate of such an issuer that has ended or not begun.
  ///   - names: the files, for messages.
  /// - Returns: warnings, each with its rule.
  public static func run(
    issuer: Certificate, certificate: Certificate?, now: UnixTime, isPublicProgramme: Bool,
    untimely: SignerCheck.Untimely = .refused, names: SignerCheck.Names
  ) throws(CryptoError) -> [String] {
    let who = certificate.map { "\(names.certificate) (\($0.subjectText))" } ?? ""
    if let certificate { try refuseUnknownExtensions(certificate, who) }
    try refuseUnknownExtensions(issuer, "\(names.issuer) (\(issuer.subjectText))")
    var warnings: [String] = []
    func forbidden(_ what: String) throws(CryptoError) {
      guard !isPublicProgramme else {
        throw CryptoError("\(what); where the issuer follows no public programme, say 'publicProgramme: false'")
      }
      warnings.append(what)
    }
    if now < issuer.notBefore || now >= issuer.notAfter {
      let what =
        "\(names.issuer): the CA's certificate is valid from \(issuer.notBefore.iso8601) to "
        + "\(issuer.notAfter.iso8601), and it is \(now.iso8601): clients refuse every answer (RFC 5280 6.1.3)"
      if isPublicProgramme, untimely == .warnedOf {
        warnings.append("\(what); nothing is signed for this issuer")
      } else {
        try forbidden(what)
      }
    }
    guard let certificate else { return warnings }
    if let hash = certificate.brokenSignatureHash {
      try forbidden(
        "\(who): signed with \(hash), which clients refuse (Mozilla Root Store Policy 5.1.3); have it issued with SHA-256"
      )
    }
    return isPublicProgramme ? warnings + findings(certificate).map { "\(who): \($0)" } : warnings
  }

  /// OpenSSL, and so nearly every client, refuses all answers of a chain with one of them.
  private static func refuseUnknownExtensions(_ certificate: Certificate, _ who: String) throws(CryptoError) {
    let unknown = certificate.unknownCriticalExtensions
    guard unknown.isEmpty else {
      throw CryptoError(
        "\(who): the critical extension \(unknown.joined(separator: ", ")) is unknown; clients refuse every answer "
          + "(RFC 5280 4.2)")
    }
  }

  /// Where a delegated responder's certificate differs from the profile of TLS BR 7.1.2.8.
  private static func findings(_ certificate: Certificate) -> [String] {
    var findings: [String] = []
    if certificate.extendedKeyUsageCount > 1 {
      findings.append("the extended key usage lists more than OCSPSigning (TLS BR 7.1.2.8, Microsoft 3.1.18)")
    }
    if !certificate.hasDigitalSignatureAlone {
      findings.append("the key usage is not digitalSignature alone and critical (TLS BR 7.1.2.8)")
    }
    if certificate.hasAuthorityConstraint {
      findings.append("it is a CA certificate (CA:TRUE), and must not be one (TLS BR 7.1.2.8)")
    }
    if !certificate.has(NID_authority_key_identifier) {
      findings.append("the authority key identifier is missing (TLS BR 7.1.2.8)")
    }
    if certificate.has(NID_crl_distribution_points) {
      findings.append("it has CRL distribution points, and must have none (TLS BR 7.1.2.8, RFC 9919 3.2.2)")
    }
    if certificate.has(NID_subject_alt_name) {
      findings.append("it has a subject alternative name, and must have none (TLS BR 7.1.2.8)")
    }
    if certificate.has(NID_name_constraints) {
      findings.append("it has name constraints, and must have none (TLS BR 7.1.2.8)")
    }
    if certificate.namesOCSPResponder {
      findings.append(
        "it names an OCSP responder to ask about itself (ETSI EN 319 411-1 CSS-6.6.3-01B; TLS BR 7.1.2.8, RFC 9919 3.2.2)"
      )
    }
    if case .present(isCritical: true) = certificate.presence(NID_id_pkix_OCSP_noCheck) {
      findings.append("id-pkix-ocsp-nocheck is critical, and must not be (TLS BR 7.1.2.8)")
    }
    if let value = certificate.value(of: NID_id_pkix_OCSP_noCheck), value != [0x05, 0x00] {
      findings.append("id-pkix-ocsp-nocheck does not hold NULL, 0500 (TLS BR 7.1.2.8)")
    }
    let seconds = certificate.notAfter.seconds(since: certificate.notBefore)
    if seconds > longValiditySeconds {
      findings.append(
        "it is valid for \(seconds / day) days; nobody can revoke it, so it should be short-lived (RFC 6960 4.2.2.2.1, "
          + "RFC 9919 3.2.2)")
    }
    return findings
  }
}
