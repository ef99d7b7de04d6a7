public import CalendarTime
public import OCSP

/// Makes the octets of responses from what the store says. Pure: the signature is someone else's.
public enum AnswerBuilder {
  /// The times of an answer that is produced now.
  ///
  /// nextUpdate is one second short of the validity, because the rules count both ends (standards 36), and is never
  /// past the signer's notAfter (invariant 4). Nil where the signer's certificate is not valid now.
  ///
  /// - Parameter jitter: 0 to 1: where in the last tenth before the planned age the refresh falls, so that answers
  ///   signed together are not all refreshed together.
  public static func times(issuer: Issuer, now: UnixTime, jitter: Double) -> AnswerTimes? {
    guard issuer.signerNotBefore <= now, now < issuer.signerNotAfter else { return nil }
    let policy = issuer.policy
    let planned = policy.isForever ? UnixTime.endOfTime : now.advanced(bySeconds: policy.validitySeconds - 1)
    let nextUpdate = policy.isForever ? planned : min(planned, issuer.signerNotAfter)
    let age = Double(policy.refreshAgeSeconds)
    let refreshAge = Int64(age - age * 0.1 * min(max(jitter, 0), 1))
    let remaining = nextUpdate.seconds(since: now)
    // A clipped answer keeps the proportions of a whole one.
    let proportion = Double(refreshAge) / Double(max(1, policy.validitySeconds))
    let refreshAfter = remaining < policy.validitySeconds - 1 ? Int64(Double(remaining) * proportion) : refreshAge
    return AnswerTimes(
      producedAt: now, nextUpdate: nextUpdate, refreshAt: now.advanced(bySeconds: max(1, refreshAfter)))
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
    if !statement.isForUnissued {
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

  /// The octets to sign of a pre-built answer: one entry, no nonce, the CertID with NULL parameters.
  public static func tbsResponseData(
    _ statement: Statement, certID: CertID, times: AnswerTimes, issuer: Issuer
  ) -> [UInt8] {
    let single = singleResponse(statement, certID: certID.encoded(), times: times, issuer: issuer)
    return ResponseData(
      responderID: issuer.responderID, producedAt: times.producedAt, responses: [single], nonce: nil,
      isExtendedRevoke: statement.isExtendedRevoke
    ).encoded()
  }

  /// The whole signed response.
  public static func response(tbsResponseData: [UInt8], signature: [UInt8], issuer: Issuer) -> [UInt8] {
    BasicOCSPResponse.encoded(
      tbsResponseData: tbsResponseData, signatureAlgorithm: issuer.signer.signatureAlgorithm, signature: signature,
      certificates: issuer.certificates)
  }

  /// A pre-built answer from its signature, ready for the cache.
  public static func answer(
    key: ResponseKey, revision: Revision, times: AnswerTimes, isForUnissued: Bool, tbsResponseData: [UInt8],
    signature: [UInt8], issuer: Issuer, suffix: [UInt8], hasher: some ResponseHasher
  ) -> Answer {
    var octets = response(tbsResponseData: tbsResponseData, signature: signature, issuer: issuer)
    let digest = hasher.sha256(octets, [])
    octets.removeLast(suffix.count)
    return Answer(
      key: key, revision: revision, times: times, digest: digest, prefix: octets, isForUnissued: isForUnissued)
  }
}
