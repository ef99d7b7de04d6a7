public import CalendarTime
import DER

/// What is signed (RFC 6960 4.2.1).
///
///     ResponseData ::= SEQUENCE {
///       version            [0] EXPLICIT Version DEFAULT v1,
///       responderID        ResponderID,
///       producedAt         GeneralizedTime,
///       responses          SEQUENCE OF SingleResponse,
///       responseExtensions [1] EXPLICIT Extensions OPTIONAL }
public struct ResponseData: Sendable, Hashable {
  public var responderID: ResponderID
  public var producedAt: UnixTime
  public var responses: [SingleResponse]
  /// The extnValue content of the request's nonce, echoed as it came; nil for none.
  public var nonce: [UInt8]?
  /// Whether "revoked" is also said of what was never issued (RFC 6960 4.4.8).
  public var isExtendedRevoke: Bool

  public init(
    responderID: ResponderID, producedAt: UnixTime, responses: [SingleResponse], nonce: [UInt8]?, isExtendedRevoke: Bool
  ) {
    self.responderID = responderID
    self.producedAt = producedAt
    self.responses = responses
    self.nonce = nonce
    self.isExtendedRevoke = isExtendedRevoke
  }

  /// The DER that is signed, byte for byte.
  public func encoded() -> [UInt8] {
    var writer = DERWriter(capacity: 128 + 160 * responses.count)
    writer.sequence { writer in
      responderID.write(&writer)
      writer.generalizedTime(producedAt)
      writer.sequence { writer in
        for response in responses { response.write(&writer) }
      }
      guard nonce != nil || isExtendedRevoke else { return }
      writer.constructed(.context(1)) { writer in
        writer.sequence { writeExtensions(&$0) }
      }
    }
    return writer.finish()
  }

  private func writeExtensions(_ writer: inout DERWriter) {
    if let nonce {
      writer.encoded(OCSPExtension(identifier: ObjectIdentifier.nonce, value: nonce).encoded())
    }
    if isExtendedRevoke {
      writer.encoded(OCSPExtension(identifier: ObjectIdentifier.extendedRevoke, value: [0x05, 0x00]).encoded())
    }
  }
}
