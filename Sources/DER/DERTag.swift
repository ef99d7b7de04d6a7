/// The identifier octet of an ASN.1 element (X.690 8.1.2). Only tag numbers up to 30 exist here: one octet.
public struct DERTag: Sendable, Hashable {
  public var rawValue: UInt8

  @inlinable
  public init(_ rawValue: UInt8) {
    self.rawValue = rawValue
  }

  public static let boolean = DERTag(0x01)
  public static let integer = DERTag(0x02)
  public static let bitString = DERTag(0x03)
  public static let octetString = DERTag(0x04)
  public static let null = DERTag(0x05)
  public static let objectIdentifier = DERTag(0x06)
  public static let enumerated = DERTag(0x0A)
  public static let utcTime = DERTag(0x17)
  public static let generalizedTime = DERTag(0x18)
  public static let sequence = DERTag(0x30)
  public static let set = DERTag(0x31)

  /// `[number]` around a whole element, or IMPLICIT over a constructed one.
  @inlinable
  public static func context(_ number: UInt8) -> DERTag { DERTag(0xA0 | number) }

  /// `[number] IMPLICIT` over a primitive element.
  @inlinable
  public static func contextPrimitive(_ number: UInt8) -> DERTag { DERTag(0x80 | number) }
}
