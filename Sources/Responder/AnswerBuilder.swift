public import CalendarTime
public import OCSP

/// Makes the octets of responses from what the store says. Pure: the signature is someone else's.
public enum AnswerBuilder {
  /// Answers for serials that nobody issued live this long at most, in seconds: a certificate that is issued a moment
  /// later must not be unknown for longer (TLS BR 4.9.9: 15 minutes).
  static let longestUnissuedValidity: Int64 = 900
  /// An answer that its signer's end cuts short gains little by being signed again: not more often than this, in seconds.
  private static let shortestClippedAge: Int64 = 3600

  /// The times of an answer that is produced now.
  ///
  /// nextUpdate is one second short of the validity, because the rules count both ends (standards 36), and is never
  /// past the signer's notAfter (invariant 4), save for answers without end, which are meant to outlive everything (ETSI
  /// EN 319 411-2 CSS-6.3.10-11). Nil where the signer's certificate is not valid now.
  ///
  /// - Parameter jitter: 0 to 1: where in the last tenth before the planned age the refresh falls, so that answers
  ///   signed together are not all refreshed together.
  public static func times(
    issuer: Issuer, now: UnixTime, jitter: Double, isForUnissued: Bool = false
  ) -> AnswerTimes? {
    guard issuer.credential.isValid(at: now) else { return nil }
    let policy = issuer.policy
    let validity = isForUnissued ? min(longestUnissuedValidity, policy.validitySeconds) : policy.validitySeconds
    let isForever = policy.isForever && !isForUnissued
    let planned = isForever ? UnixTime.endOfTime : now.advanced(bySeconds: validity - 1)
    let nextUpdate = isForever ? planned : min(planned, issuer.credential.notAfter)
    let remaining = nextUpdate.seconds(since: now)
    var age = min(policy.refreshAgeSeconds, max(1, validity / 2))
    if isForever || validity == policy.validitySeconds { age = policy.refreshAgeSeconds }
    if nextUpdate < planned { age = min(age, max(remaining / 2, min(shortestClippedAge, remaining - 1))) }
    let early = Double(age) * 0.1 * min(max(jitter, 0), 1)
    return AnswerTimes(
      producedAt: now, nextUpdate: nextUpdate, refreshAt: now.advanced(bySeconds: max(1, age - Int64(early))))
  }

  /// What is said of a certificate.
  ///
  /// - Returns: nil where the answer is the unsigned `unauthorized`: nobody issued it, or its records are dropped.
  public static func statement(for reading: StatusReading, policy: IssuerPolicy, now: UnixTime) -> Statement? {
    guard let record = reading.record else {
      switch policy.unissued {
      case .unauthorized: return nil
      case .unknown: return Statement(status: .unknown, isForUnissued: true)
      case .good: return Statement(status: .good, isForUnissued: true)
      case .extendedRevoke:
        // RFC 6960 2.2: exactly this reason and this time, and the extension in responseExtensions.
        let never = Revocation(time: UnixTime(seconds: 0), reason: .certificateHold)
        return Statement(status: .revoked(never), isForUnissued: true, isExtendedRevoke: true)
      }
    }
    if let keep = policy.keepExpiredSeconds, let notAfter = record.notAfter, notAfter.advanced(bySeconds: keep) < now {
      return nil
    }
    return Statement(status: record.status, singleExtensions: record.singleExtensions)
  }

  public struct Statement: Sendable, Hashable {
    public var status: CertificateStatus
    public var singleExtensions: [UInt8]
    public var isForUnissued: Bool
    public var isExtendedRevoke: Bool

    public init(
      status: CertificateStatus, singleExtensions: [UInt8] = [], isForUnissued: Bool = false,
      isExtendedRevoke: Bool = false
    ) {
      self.status = status
      self.singleExtensions = singleExtensions
      self.isForUnissued = isForUnissued
      self.isExtendedRevoke = isExtendedRevoke
    }
  }

  /// One entry of a response.
  public static func singleResponse(
    _ statement: Statement, certID: [UInt8], times: AnswerTimes, issuer: Issuer
  ) -> SingleResponse {
    var extensions = statement.singleExtensions
    // Each extension is possible once (RFC 5280 4.2), and the record knows more than the policy.
    if !statement.isForUnissued, !SingleExtension.contains(ObjectIdentifier.archiveCutoff, in: extensions) {
      switch issuer.policy.archiveCutoff {
      case .none: break
      case .issuerNotBefore: extensions += SingleExtension.archiveCutoff(issuer.issuerNotBefore)
      case .retention(let seconds):
        extensions += SingleExtension.archiveCutoff(times.producedAt.advanced(bySeconds: -seconds))
      }
    }
    return SingleResponse(
      encodedCertID: certID, status: statement.status, thisUpdate: times.producedAt, nextUpdate: times.nextUpdate,
      singleExtensions: extensions)
  }

  /// The octets to sign of a pre-built answer: one entry, no nonce.
  ///
  /// - Parameter certID: `Issuer.encodedCertID`: with NULL parameters.
  public static func tbsResponseData(
    _ statement: Statement, certID: [UInt8], times: AnswerTimes, issuer: Issuer, credential: SigningCredential
  ) -> [UInt8] {
    let single = singleResponse(statement, certID: certID, times: times, issuer: issuer)
    return ResponseData(
      responderID: credential.responderID, producedAt: times.producedAt, responses: [single], nonce: nil,
      isExtendedRevoke: statement.isExtendedRevoke
    ).encoded()
  }

  /// The whole signed response.
  public static func response(
    tbsResponseData: [UInt8], signature: [UInt8], credential: SigningCredential
  ) -> [UInt8] {
    BasicOCSPResponse.encoded(
      tbsResponseData: tbsResponseData, signatureAlgorithm: credential.signatureAlgorithm, signature: signature,
      certificates: credential.certificates)
  }

  /// What of a pre-built answer is settled before it is encoded.
  public struct Plan: Sendable {
    public var key: ResponseKey
    public var revision: Revision
    public var times: AnswerTimes
    public var isForUnissued: Bool
    public var credential: CredentialIndex

    public init(
      key: ResponseKey, revision: Revision, times: AnswerTimes, isForUnissued: Bool, credential: CredentialIndex
    ) {
      self.key = key
      self.revision = revision
      self.times = times
      self.isForUnissued = isForUnissued
      self.credential = credential
    }
  }

  /// A pre-built answer from its signature, ready for the cache.
  public static func answer(
    _ plan: Plan, tbsResponseData: [UInt8], signature: [UInt8], entry: CredentialTable.Entry,
    hasher: some ResponseHasher
  ) -> Answer {
    let prefix = BasicOCSPResponse.prefix(
      tbsResponseData: tbsResponseData, signatureAlgorithm: entry.credential.signatureAlgorithm, signature: signature,
      suffixCount: entry.suffix.count)
    return answer(plan, prefix: prefix, suffix: entry.suffix, hasher: hasher)
  }

  /// The same from its octets up to the embedded certificates, and those.
  static func answer(_ plan: Plan, prefix: [UInt8], suffix: [UInt8], hasher: some ResponseHasher) -> Answer {
    Answer(
      key: plan.key, revision: plan.revision, times: plan.times, digest: hasher.sha256(prefix, suffix),
      prefix: prefix, credential: plan.credential, isForUnissued: plan.isForUnissued)
  }
}
