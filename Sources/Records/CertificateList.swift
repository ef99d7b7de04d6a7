public import CalendarTime
import DER

/// What surrounds the entries of a CRL (RFC 5280 5.1): who, when, and the ranges that a signature check needs.
///
///     CertificateList ::= SEQUENCE {
///       tbsCertList        TBSCertList,
///       signatureAlgorithm AlgorithmIdentifier,
///       signatureValue     BIT STRING }
public struct CertificateList: Sendable {
  public let octets: [UInt8]
  /// The file's name, for messages.
  public let name: String
  /// The parts that the signature is about, by offsets into `octets`.
  public let tbsCertList: Range<Int>
  public let signatureAlgorithm: Range<Int>
  public let signature: Range<Int>
  /// The issuer's DER Name.
  public let issuerName: [UInt8]
  public let thisUpdate: UnixTime
  public let nextUpdate: UnixTime?
  /// Which part of the certificates the list is about, by its issuingDistributionPoint; nil for all of them.
  public private(set) var scope: String?
  /// Nil where the list has no cRLNumber.
  public private(set) var number: CRLNumber?
  /// Of a delta CRL: the number of the complete one that it begins at (RFC 5280 5.2.4). Nil for a complete CRL.
  public private(set) var baseNumber: CRLNumber?
  /// What tells the lists of one issuer apart that go on beside each other: the issuingDistributionPoint's DER; empty where
  /// there is none. A delta CRL has that of its base.
  public private(set) var partition: [UInt8] = []
  /// The elements of revokedCertificates; empty where there are none.
  let entries: Range<Int>

  public var isDelta: Bool { baseNumber != nil }

  /// How many octets the entries have.
  public var entryOctets: Int { entries.count }

  /// Parses all but the entries.
  ///
  /// - Parameter takesDeltas: whether a delta CRL will do, which tells only what has changed since its base.
  /// - Throws: for what is no CRL, for two signature algorithms that differ, and for those that do not tell all there is:
  ///   delta CRLs where they are not asked for, CRLs of some reasons only, indirect ones.
  public init(der octets: [UInt8], name: String, takesDeltas: Bool = false) throws(RecordError) {
    let innerAlgorithm: Range<Int>
    do throws(DERError) {
      let span = octets.span
      var outer = DERReader(span)
      var fields = outer.inside(try outer.read(.sequence))
      try outer.finish()
      let body = try fields.readElement()
      guard body.tag == .sequence else { throw DERError(.expected(.sequence), offset: body.start) }
      let algorithm = try fields.readElement()
      signature = try fields.readWholeBitString()
      try fields.finish()
      tbsCertList = body.whole
      signatureAlgorithm = algorithm.whole
      var inside = DERReader(span, in: body.content)
      if inside.nextTag == .integer { _ = try inside.readIntegerOctets() }
      let repeated = try inside.readElement()
      guard repeated.tag == .sequence else { throw DERError(.expected(.sequence), offset: repeated.start) }
      innerAlgorithm = repeated.whole
      let issuer = try inside.readElement()
      issuerName = Array(octets[issuer.whole])
      thisUpdate = try inside.readTime()
      nextUpdate = inside.nextTag == .utcTime || inside.nextTag == .generalizedTime ? try inside.readTime() : nil
      entries = try inside.readOptional(.sequence) ?? 0..<0
      extensions = try inside.readOptional(.context(0)) ?? 0..<0
      try inside.finish()
    } catch {
      throw RecordError("\(name): not a CRL: \(error)")
    }
    // RFC 5280 5.1.1.2: only the inner one is signed, and the outer one is what the signature is verified with.
    guard octets[innerAlgorithm] == octets[signatureAlgorithm] else {
      throw RecordError(
        "\(name): the signature algorithm at octet \(innerAlgorithm.lowerBound) is another one than that at octet "
          + "\(signatureAlgorithm.lowerBound); both have to be the same")
    }
    self.octets = octets
    self.name = name
    try readExtensions(takesDeltas: takesDeltas)
  }

  private let extensions: Range<Int>

  private static let deltaCRLIndicator: [UInt8] = [0x55, 0x1D, 0x1B]
  private static let issuingDistributionPoint: [UInt8] = [0x55, 0x1D, 0x1C]
  private static let cRLNumber: [UInt8] = [0x55, 0x1D, 0x14]
  private static let authorityKeyIdentifier: [UInt8] = [0x55, 0x1D, 0x23]

  private mutating func readExtensions(takesDeltas: Bool) throws(RecordError) {
    guard !extensions.isEmpty else { return }
    var refusal: String?
    var found = (number: CRLNumber?.none, base: CRLNumber?.none, scope: String?.none, partition: [UInt8]())
    do throws(DERError) {
      let span = octets.span
      var wrapper = DERReader(span, in: extensions)
      var list = wrapper.inside(try wrapper.read(.sequence))
      try wrapper.finish()
      while !list.isAtEnd {
        let field = try CRLExtension.read(&list)
        if list.equals(field.identifier, CertificateList.deltaCRLIndicator) {
          found.base = try number(list.inside(field.value), &refusal)
          if !takesDeltas {
            refusal = "this is a delta CRL, which tells only what changed; import the full CRL it belongs to"
          }
        } else if list.equals(field.identifier, CertificateList.cRLNumber) {
          found.number = try number(list.inside(field.value), &refusal)
        } else if list.equals(field.identifier, CertificateList.issuingDistributionPoint) {
          let objection = try partiality(list.inside(field.value), &found.scope)
          refusal = refusal ?? objection
          found.partition = Array(octets[field.value])
        } else if field.isCritical, !list.equals(field.identifier, CertificateList.authorityKeyIdentifier) {
          refusal = refusal ?? "it has an unknown critical extension, at octet \(field.identifier.lowerBound)"
        }
      }
    } catch {
      throw RecordError("\(name): not a CRL: \(error)")
    }
    (number, baseNumber, scope, partition) = found
    // RFC 5280 5.2.4: a delta CRL has a number; without one its place in the sequence is unknown.
    if isDelta, number == nil { refusal = refusal ?? "a delta CRL without a cRLNumber" }
    if let refusal { throw RecordError("\(name): \(refusal)") }
  }

  private func number(_ value: consuming DERReader, _ refusal: inout String?) throws(DERError) -> CRLNumber? {
    let content = try value.readIntegerOctets()
    try value.finish()
    let number = CRLNumber(content: octets[content])
    if number == nil {
      refusal =
        refusal
        ?? "a CRL number at octet \(content.lowerBound) that is negative or over \(CRLNumber.maximumOctets) octets"
    }
    return number
  }

  /// What an issuingDistributionPoint (RFC 5280 5.2.5) says that we cannot take; nil where what is listed is all there is
  /// within `scope`.
  private func partiality(_ value: consuming DERReader, _ scope: inout String?) throws(DERError) -> String? {
    var fields = value.inside(try value.read(.sequence))
    while !fields.isAtEnd {
      let field = try fields.readElement()
      let isSet = !fields.equals(field.content, [0])
      switch field.tag {
      case .contextPrimitive(4) where isSet: return "this is an indirect CRL; those of one issuer alone are taken"
      case .contextPrimitive(5) where isSet: return "this CRL lists attribute certificates only"
      case .contextPrimitive(3): return "this CRL lists some reasons only (onlySomeReasons); a complete one is expected"
      case .contextPrimitive(1) where isSet: scope = "user certificates only (onlyContainsUserCerts)"
      case .contextPrimitive(2) where isSet: scope = "CA certificates only (onlyContainsCACerts)"
      case .context(0): scope = scope ?? "the certificates of one distribution point"
      default: continue
      }
    }
    return nil
  }
}

/// One extension of a CRL or of an entry.
struct CRLExtension {
  var identifier: Range<Int>
  var isCritical: Bool
  /// The content of extnValue.
  var value: Range<Int>
  /// The whole element.
  var whole: Range<Int>

  static func read(_ reader: inout DERReader) throws(DERError) -> CRLExtension {
    let element = try reader.readElement()
    guard element.tag == .sequence else { throw DERError(.expected(.sequence), offset: element.start) }
    var fields = reader.inside(element.content)
    let identifier = try fields.read(.objectIdentifier)
    let isCritical = fields.nextTag == .boolean ? try fields.readBoolean() : false
    let value = try fields.read(.octetString)
    try fields.finish()
    return CRLExtension(identifier: identifier, isCritical: isCritical, value: value, whole: element.whole)
  }
}
