public import CalendarTime
import DER

/// What is said of one certificate (RFC 6960 4.2.1).
///
///     SingleResponse ::= SEQUENCE {
///       certID           CertID,
///       certStatus       CertStatus,
///       thisUpdate       GeneralizedTime,
///       nextUpdate       [0] EXPLICIT GeneralizedTime OPTIONAL,
///       singleExtensions [1] EXPLICIT Extensions OPTIONAL }
public struct SingleResponse: Sendable, Hashable {
  /// The CertID's octets, as the client wrote them or as `CertID.encoded()` does.
  public var encodedCertID: [UInt8]
  public var status: CertificateStatus
  public var thisUpdate: UnixTime
  /// Nil only in answers of others: RFC 9919 3.2.4 wants it always.
  public var nextUpdate: UnixTime?
  /// Whole `Extension` elements, one after the other; empty for none.
  public var singleExtensions: [UInt8]

  public init(
    encodedCertID: [UInt8], status: CertificateStatus, thisUpdate: UnixTime, nextUpdate: UnixTime?,
    singleExtensions: [UInt8] = []
  ) {
    self.encodedCertID = encodedCertID
    self.status = status
    self.thisUpdate = thisUpdate
    self.nextUpdate = nextUpdate
    self.singleExtensions = singleExtensions
  }

  func write(_ writer: inout DERWriter) {
    writer.sequence { writer in
      writer.encoded(encodedCertID)
      writeStatus(&writer)
      writer.generalizedTime(thisUpdate)
      if let nextUpdate { writer.constructed(.context(0)) { $0.generalizedTime(nextUpdate) } }
      if !singleExtensions.isEmpty {
        writer.constructed(.context(1)) { writer in writer.sequence { $0.encoded(singleExtensions) } }
      }
    }
  }

  /// `good [0] IMPLICIT NULL`, `revoked [1] IMPLICIT RevokedInfo`, `unknown [2] IMPLICIT NULL`.
  private func writeStatus(_ writer: inout DERWriter) {
    switch status {
    case .good: writer.primitive(.contextPrimitive(0), [])
    case .unknown: writer.primitive(.contextPrimitive(2), [])
    case .revoked(let revocation):
      writer.constructed(.context(1)) { writer in
        writer.generalizedTime(revocation.time)
        // RFC 5280 5.3.1 wants `unspecified` left out.
        guard let reason = revocation.reason, reason != .unspecified else { return }
        writer.constructed(.context(0)) { $0.primitive(.enumerated, [reason.rawValue]) }
      }
    }
  }
}
