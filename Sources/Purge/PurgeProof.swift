import CalendarTime
import DER
import HTTPClient
import OCSP
import Responder

/// What an answer that came through a cache says of a purge.
enum PurgeProof: Sendable, Hashable {
  /// What the store has now, or nothing that a cache could have kept.
  case current
  /// Something else than the store has: the cache still holds it, or has got it again.
  case stale(what: String)
  /// Nothing that proves or disproves anything.
  case unproven(why: String)

  /// - Parameters:
  ///   - expected: what is said of the certificate now; nil where that is the unsigned `unauthorized`.
  ///   - serial: of the certificate that was asked for.
  ///   - issuer: its issuer: another CA may have given out the same number.
  init(
    _ outcome: Result<HTTPClient.Response, HTTPClient.Failure>, expected: AnswerBuilder.Statement?,
    serial: SerialNumber, issuer: Issuer, now: UnixTime
  ) {
    switch outcome {
    case .failure(let failure): self = .unproven(why: failure.reason)
    case .success(let response) where response.status != 200:
      self = .unproven(why: ProviderText.explanation(response))
    case .success(let response):
      guard let received = try? ReceivedResponse(response.body) else {
        self = .unproven(why: "HTTP 200 with \(response.body.count) octets that are no OCSP response")
        return
      }
      self.init(received, expected, serial, issuer, now)
    }
  }

  private init(
    _ received: ReceivedResponse, _ expected: AnswerBuilder.Statement?, _ serial: SerialNumber, _ issuer: Issuer,
    _ now: UnixTime
  ) {
    guard let basic = received.basic else {
      // They go out with no-store, and anybody between may say them: where something signed is due they prove nothing.
      let isDue = expected != nil || received.status != .unauthorized
      self = isDue ? .unproven(why: "the unsigned answer \(received.status)") : .current
      return
    }
    let isMeant = { (certID: CertID) in certID.serial == serial && certID == issuer.certID(serial, certID.hashAlgorithm)
    }
    guard let single = basic.responses.first(where: { ((try? $0.certID()) ?? nil).map(isMeant) ?? false }) else {
      self = .unproven(why: "an answer about another certificate")
      return
    }
    let shown = PurgeProof.text(single.status)
    if let end = single.nextUpdate, end < now {
      self = .stale(what: "\(shown), which has ended at \(end.iso8601)")
      return
    }
    guard let expected else {
      self = .stale(what: shown)
      return
    }
    let isSame =
      PurgeProof.plain(single.status) == PurgeProof.plain(expected.status)
      && PurgeProof.extensions(single.singleExtensions) == PurgeProof.extensions(expected.singleExtensions)
    self = isSame ? .current : .stale(what: "\(shown), produced at \(basic.producedAt.iso8601)")
  }

  /// Without the archive cutoff, which the policy adds, and nil for what cannot be read.
  private static func extensions(_ elements: [UInt8]) -> [OCSPExtension]? {
    (try? OCSPExtension.list(elements))?.filter { $0.identifier != ObjectIdentifier.archiveCutoff }
  }

  /// `unspecified` and no reason are the same on the wire (RFC 5280 5.3.1).
  private static func plain(_ status: CertificateStatus) -> CertificateStatus {
    guard case .revoked(let revocation) = status, revocation.reason == .unspecified else { return status }
    return .revoked(Revocation(time: revocation.time, reason: nil))
  }

  private static func text(_ status: CertificateStatus) -> String {
    switch status {
    case .good: "good"
    case .unknown: "unknown"
    case .revoked(let revocation): "revoked at \(revocation.time.iso8601), \(revocation.reason?.name ?? "no reason")"
    }
  }
}
