public import CalendarTime
import DER

/// One X.509 extension as OCSP carries them (RFC 5280 4.2).
///
///     Extension ::= SEQUENCE {
///       extnID    OBJECT IDENTIFIER,
///       critical  BOOLEAN DEFAULT FALSE,
///       extnValue OCTET STRING }
public struct OCSPExtension: Sendable, Hashable {
  /// The content octets of the OBJECT IDENTIFIER.
  public var identifier: [UInt8]
  public var isCritical: Bool
  /// The content of extnValue.
  public var value: [UInt8]

  public init(identifier: [UInt8], isCritical: Bool = false, value: [UInt8]) {
    self.identifier = identifier
    self.isCritical = isCritical
    self.value = value
  }

  public func encoded() -> [UInt8] {
    var writer = DERWriter(capacity: value.count + 24)
    writer.sequence { writer in
      writer.objectIdentifier(identifier)
      if isCritical { writer.primitive(.boolean, [0xFF]) }
      writer.octetString(value)
    }
    return writer.finish()
  }
}

/// The extensions of a single response that Avouch makes itself; each is one whole `Extension` element.
public enum SingleExtension {
  /// archiveCutoff (RFC 6960 4.4.4).
  public static func archiveCutoff(_ time: UnixTime) -> [UInt8] {
    timed(ObjectIdentifier.archiveCutoff, time)
  }

  /// invalidityDate (RFC 5280 5.3.2, let into singleExtensions by RFC 6960 4.4.5).
  public static func invalidityDate(_ time: UnixTime) -> [UInt8] {
    timed(ObjectIdentifier.invalidityDate, time)
  }

  private static func timed(_ identifier: [UInt8], _ time: UnixTime) -> [UInt8] {
    var writer = DERWriter(capacity: 20)
    writer.generalizedTime(time)
    return OCSPExtension(identifier: identifier, value: writer.finish()).encoded()
  }
}
