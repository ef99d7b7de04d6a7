public import CalendarTime
public import DER

/// An OCSPResponse as a client reads it: for `avouch check`, the load harness and the tests. Nothing is verified here.
public struct ReceivedResponse: Sendable, Hashable {
  public var status: OCSPResponseStatus
  /// Nil for the error answers, which have no body (RFC 6960 4.2.1).
  public var basic: Basic?

  /// The fields of a BasicOCSPResponse with the raw octets that a signature check needs.
  public struct Basic: Sendable, Hashable {
    public var tbsResponseData: [UInt8]
    public var responderID: ResponderID
    public var producedAt: UnixTime
    public var responses: [SingleResponse]
    /// The responseExtensions.
    public var extensions: [OCSPExtension]
    public var signatureAlgorithm: [UInt8]
    public var signature: [UInt8]
    /// DER certificates.
    public var certificates: [[UInt8]]

    /// The extnValue content of the echoed nonce.
    public var nonce: [UInt8]? {
      extensions.first { $0.identifier == ObjectIdentifier.nonce }?.value
    }
  }

  /// Parses one whole OCSPResponse.
  public init(_ octets: [UInt8]) throws(DERError) {
    let span = octets.span
    var outer = DERReader(span)
    let content = try outer.read(.sequence)
    try outer.finish()
    var fields = outer.inside(content)
    let statusOffset = fields.position
    guard let status = OCSPResponseStatus(rawValue: try fields.readSmallEnumerated()) else {
      throw DERError(.badContent(.enumerated), offset: statusOffset)
    }
    self.status = status
    guard let bytes = try fields.readOptional(.context(0)) else {
      try fields.finish()
      guard status != .successful else { throw DERError(.expected(.context(0)), offset: fields.position) }
      return
    }
    try fields.finish()
    var inside = fields.inside(bytes)
    let pair = try inside.read(.sequence)
    try inside.finish()
    var body = inside.inside(pair)
    let type = try body.read(.objectIdentifier)
    guard body.equals(type, ObjectIdentifier.basicResponse) else {
      throw DERError(.badContent(.objectIdentifier), offset: type.lowerBound)
    }
    let basic = try body.read(.octetString)
    try body.finish()
    self.basic = try Basic(span, in: basic)
  }
}

extension ReceivedResponse.Basic {
  init(_ octets: Span<UInt8>, in range: Range<Int>) throws(DERError) {
    var outer = DERReader(octets, in: range)
    var fields = outer.inside(try outer.read(.sequence))
    try outer.finish()
    let data = try fields.readElement()
    guard data.tag == .sequence else { throw DERError(.expected(.sequence), offset: data.start) }
    let algorithm = try fields.readElement()
    signatureAlgorithm = octets.array(algorithm.whole)
    signature = octets.array(try fields.readWholeBitString())
    certificates = []
    if let list = try fields.readOptional(.context(0)) {
      var wrapper = fields.inside(list)
      var elements = wrapper.inside(try wrapper.read(.sequence))
      while !elements.isAtEnd { certificates.append(octets.array(try elements.readElement().whole)) }
    }
    try fields.finish()
    tbsResponseData = octets.array(data.whole)

    var inside = DERReader(octets, in: data.content)
    if let version = try inside.readOptional(.context(0)) {
      var number = inside.inside(version)
      guard number.equals(try number.readIntegerOctets(), [0]) else {
        throw DERError(.badContent(.integer), offset: version.lowerBound)
      }
    }
    responderID = try ResponderID.read(&inside, octets)
    producedAt = try inside.readGeneralizedTime()
    var list = inside.inside(try inside.read(.sequence))
    responses = []
    while !list.isAtEnd { responses.append(try SingleResponse.read(&list, octets)) }
    extensions = []
    if let wrapped = try inside.readOptional(.context(1)) {
      extensions = try OCSPExtension.readList(inside.inside(wrapped), octets)
    }
    try inside.finish()
  }
}

extension ResponderID {
  static func read(_ reader: inout DERReader, _ octets: Span<UInt8>) throws(DERError) -> ResponderID {
    if let name = try reader.readOptional(.context(1)) { return .byName(octets.array(name)) }
    var inside = reader.inside(try reader.read(.context(2)))
    let hash = try inside.read(.octetString)
    try inside.finish()
    return .byKey(octets.array(hash))
  }
}

extension SingleResponse {
  /// The CertID that the entry is about; nil for one that Avouch would not know.
  public func certID() throws(DERError) -> CertID? {
    let span = encodedCertID.span
    var reader = DERReader(span)
    let certID = try CertID.read(&reader, span)
    try reader.finish()
    return certID
  }

  static func read(_ reader: inout DERReader, _ octets: Span<UInt8>) throws(DERError) -> SingleResponse {
    var fields = reader.inside(try reader.read(.sequence))
    let certID = try fields.readElement()
    let status = try CertificateStatus.read(&fields)
    let thisUpdate = try fields.readGeneralizedTime()
    var nextUpdate: UnixTime?
    if let wrapped = try fields.readOptional(.context(0)) {
      var inside = fields.inside(wrapped)
      nextUpdate = try inside.readGeneralizedTime()
      try inside.finish()
    }
    var extensions: [UInt8] = []
    if let wrapped = try fields.readOptional(.context(1)) {
      var inside = fields.inside(wrapped)
      extensions = octets.array(try inside.read(.sequence))
      try inside.finish()
    }
    try fields.finish()
    return SingleResponse(
      encodedCertID: octets.array(certID.whole), status: status, thisUpdate: thisUpdate, nextUpdate: nextUpdate,
      singleExtensions: extensions)
  }
}

extension CertificateStatus {
  fileprivate static func read(_ reader: inout DERReader) throws(DERError) -> CertificateStatus {
    let element = try reader.readElement()
    switch element.tag {
    case .contextPrimitive(0) where element.content.isEmpty: return .good
    case .contextPrimitive(2) where element.content.isEmpty: return .unknown
    case .context(1): break
    default: throw DERError(.badContent(element.tag), offset: element.start)
    }
    var fields = reader.inside(element.content)
    let time = try fields.readGeneralizedTime()
    var reason: RevocationReason?
    if let wrapped = try fields.readOptional(.context(0)) {
      var inside = fields.inside(wrapped)
      reason = RevocationReason(rawValue: try inside.readSmallEnumerated())
      guard reason != nil else { throw DERError(.badContent(.enumerated), offset: wrapped.lowerBound) }
      try inside.finish()
    }
    try fields.finish()
    return .revoked(Revocation(time: time, reason: reason))
  }
}

extension OCSPExtension {
  /// The extensions in the concatenated elements of a single response.
  public static func list(_ elements: [UInt8]) throws(DERError) -> [OCSPExtension] {
    let span = elements.span
    return try readElements(DERReader(span), span)
  }

  /// The extensions inside an `Extensions` SEQUENCE.
  static func readList(_ reader: consuming DERReader, _ octets: Span<UInt8>) throws(DERError) -> [OCSPExtension] {
    let list = try reader.read(.sequence)
    try reader.finish()
    return try readElements(reader.inside(list), octets)
  }

  private static func readElements(
    _ reader: consuming DERReader, _ octets: Span<UInt8>
  ) throws(DERError) -> [OCSPExtension] {
    var found: [OCSPExtension] = []
    while !reader.isAtEnd {
      var fields = reader.inside(try reader.read(.sequence))
      let identifier = octets.array(try fields.read(.objectIdentifier))
      let isCritical = fields.nextTag == .boolean ? try fields.readBoolean() : false
      let value = octets.array(try fields.read(.octetString))
      try fields.finish()
      found.append(OCSPExtension(identifier: identifier, isCritical: isCritical, value: value))
    }
    return found
  }
}

extension Span<UInt8> {
  /// A copy of a part.
  func array(_ range: Range<Int>) -> [UInt8] {
    range.map { self[$0] }
  }
}
