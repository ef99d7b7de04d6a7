import CalendarTime
import DER
import Glibc
import LoadReport
import OCSP

/// Looks whether the body of an answer is about what was asked, and what it says. Reads over all of the response data and
/// allocates nothing; signatures are checked elsewhere, of a sample.
struct AnswerCheck: ~Escapable {
  /// How far the clocks of client and server may differ, in seconds.
  static let toleranceSeconds: Int64 = 5

  private let octets: Span<UInt8>
  private let now: UnixTime

  @_lifetime(copy octets)
  init(_ octets: Span<UInt8>, now: UnixTime) {
    self.octets = octets
    self.now = now
  }

  /// What an answer says, before it is known what it should say.
  enum Statement: Sendable, Hashable {
    case status(OCSPResponseStatus)
    case good
    case revoked
    case unknown
    /// Not to be believed.
    case wrong(AnswerKind)
  }

  /// - Parameters:
  ///   - head: the CertID of the question up to its serial (`CertID.head`).
  ///   - nonce: the octets that were sent; nil for none.
  func statement(head: Span<UInt8>, serial: SerialNumber, nonce: Span<UInt8>?) -> Statement {
    do throws(DERError) {
      return try read(head: head, serial: serial, nonce: nonce)
    } catch {
      return .wrong(.malformedResponse)
    }
  }

  private func read(
    head: Span<UInt8>, serial: SerialNumber, nonce: Span<UInt8>?
  ) throws(DERError) -> Statement {
    var outer = DERReader(octets)
    var fields = outer.inside(try outer.read(.sequence))
    try outer.finish()
    guard let status = OCSPResponseStatus(rawValue: try fields.readSmallEnumerated()) else {
      return .wrong(.malformedResponse)
    }
    guard status == .successful else {
      try fields.finish()
      return .status(status)
    }
    var wrapped = fields.inside(try fields.read(.context(0)))
    try fields.finish()
    var pair = wrapped.inside(try wrapped.read(.sequence))
    try wrapped.finish()
    let type = try pair.read(.objectIdentifier)
    guard isBasic(type) else { return .wrong(.malformedResponse) }
    var body = pair.inside(try pair.read(.octetString))
    try pair.finish()
    var basic = body.inside(try body.read(.sequence))
    try body.finish()
    var data = basic.inside(try basic.read(.sequence))
    _ = try basic.read(.sequence)
    _ = try basic.readWholeBitString()
    if let certificates = try basic.readOptional(.context(0)) { try readList(basic.inside(certificates)) }
    try basic.finish()
    return try readData(&data, head: head, serial: serial, nonce: nonce)
  }

  /// A SEQUENCE of anything inside a tag: certificates, extensions.
  private func readList(_ reader: consuming DERReader) throws(DERError) {
    let list = try reader.read(.sequence)
    try reader.finish()
    var elements = reader.inside(list)
    while !elements.isAtEnd { _ = try elements.readElement() }
  }

  /// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1.
  private func isBasic(_ range: Range<Int>) -> Bool {
    let basic: InlineArray<9, UInt8> = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01]
    return equals(range, basic.span)
  }

  private func equals(_ range: Range<Int>, _ other: Span<UInt8>) -> Bool {
    guard range.count == other.count else { return false }
    let part = octets.extracting(range)
    return unsafe part.withUnsafeBufferPointer { left in
      unsafe other.withUnsafeBufferPointer { right in
        guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else {
          return left.count == right.count
        }
        return unsafe memcmp(leftBase, rightBase, right.count) == 0
      }
    }
  }

  private func readData(
    _ data: inout DERReader, head: Span<UInt8>, serial: SerialNumber, nonce: Span<UInt8>?
  ) throws(DERError) -> Statement {
    if let version = try data.readOptional(.context(0)) {
      var inside = data.inside(version)
      guard inside.equals(try inside.readIntegerOctets(), [0]) else { return .wrong(.malformedResponse) }
      try inside.finish()
    }
    if try data.readOptional(.context(1)) == nil {
      var key = data.inside(try data.read(.context(2)))
      _ = try key.read(.octetString)
      try key.finish()
    }
    let producedAt = try data.readGeneralizedTime()
    var list = data.inside(try data.read(.sequence))
    // Answers may have entries for others beside (RFC 6960 4.2.2.3); all of them have to be DER.
    var found: Statement?
    while !list.isAtEnd {
      let statement = try readSingle(&list, head: head, serial: serial)
      if found == nil { found = statement }
    }
    let extensions = try data.readOptional(.context(1))
    try data.finish()
    guard let found else { return .wrong(.wrongCertID) }
    if let extensions, try hasOtherNonce(data.inside(extensions), than: nonce) { return .wrong(.wrongNonce) }
    if producedAt > now.advanced(bySeconds: AnswerCheck.toleranceSeconds) { return .wrong(.fromTheFuture) }
    return found
  }

  /// What an entry says; nil for one about another certificate.
  private func readSingle(
    _ list: inout DERReader, head: Span<UInt8>, serial: SerialNumber
  ) throws(DERError) -> Statement? {
    var single = list.inside(try list.read(.sequence))
    let isAsked = try isAsked(single.inside(try single.read(.sequence)), head: head, serial: serial)
    let status = try single.readElement()
    let statement: Statement
    switch status.tag {
    case .contextPrimitive(0) where status.content.isEmpty: statement = .good
    case .contextPrimitive(2) where status.content.isEmpty: statement = .unknown
    case .context(1):
      var revocation = single.inside(status.content)
      _ = try revocation.readGeneralizedTime()
      if let reason = try revocation.readOptional(.context(0)) {
        var inside = revocation.inside(reason)
        let number = try inside.readSmallEnumerated()
        guard RevocationReason(rawValue: number) != nil else {
          throw DERError(.badContent(.enumerated), offset: reason.lowerBound)
        }
        try inside.finish()
      }
      try revocation.finish()
      statement = .revoked
    default: throw DERError(.badContent(status.tag), offset: status.start)
    }
    let thisUpdate = try single.readGeneralizedTime()
    var nextUpdate: UnixTime?
    if let wrapped = try single.readOptional(.context(0)) {
      var inside = single.inside(wrapped)
      nextUpdate = try inside.readGeneralizedTime()
      try inside.finish()
    }
    if let extensions = try single.readOptional(.context(1)) { try readList(single.inside(extensions)) }
    try single.finish()
    guard isAsked else { return nil }
    if thisUpdate > now.advanced(bySeconds: AnswerCheck.toleranceSeconds) { return .wrong(.fromTheFuture) }
    // Others may leave nextUpdate out (RFC 6960 4.2.2.1): newer information is always there then.
    guard let nextUpdate else { return statement }
    return nextUpdate < now.advanced(bySeconds: -AnswerCheck.toleranceSeconds) ? .wrong(.expired) : statement
  }

  /// Whether a CertID is the one of the question. The hash's parameters may be absent where the question had NULL
  /// (RFC 5754 2).
  private func isAsked(
    _ reader: consuming DERReader, head: Span<UInt8>, serial: SerialNumber
  ) throws(DERError) -> Bool {
    let start = reader.position
    var algorithm = reader.inside(try reader.read(.sequence))
    let identifier = try algorithm.read(.objectIdentifier)
    let parameters = algorithm.isAtEnd ? nil : try algorithm.readElement()
    try algorithm.finish()
    let hashes = reader.position
    _ = try reader.read(.octetString)
    _ = try reader.read(.octetString)
    let end = reader.position
    let number = try reader.readIntegerOctets()
    try reader.finish()
    guard number.count == serial.count else { return false }
    for offset in 0..<serial.count where octets[number.lowerBound + offset] != serial[offset] { return false }
    if equals(start..<end, head) { return true }
    guard parameters == nil else { return false }
    // SEQUENCE and OBJECT IDENTIFIER with their lengths, then NULL, then the hashes.
    let identifierEnd = 4 + identifier.count
    guard head.count > identifierEnd + 2 else { return false }
    return equals(identifier, head.extracting(4..<identifierEnd))
      && equals(hashes..<end, head.extracting(identifierEnd + 2..<head.count))
  }

  /// Whether the extensions have a nonce that is not the one that was sent. One that is left out is none: RFC 9654 2 lets a
  /// responder that has signed ahead leave it out.
  ///
  /// - Parameter nonce: nil where none was sent; then none is another one.
  private func hasOtherNonce(_ reader: consuming DERReader, than nonce: Span<UInt8>?) throws(DERError) -> Bool {
    let oid: InlineArray<9, UInt8> = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02]
    let list = try reader.read(.sequence)
    try reader.finish()
    var extensions = reader.inside(list)
    while !extensions.isAtEnd {
      var fields = extensions.inside(try extensions.read(.sequence))
      let identifier = try fields.read(.objectIdentifier)
      if fields.nextTag == .boolean { _ = try fields.readBoolean() }
      var value = fields.inside(try fields.read(.octetString))
      try fields.finish()
      guard let nonce, equals(identifier, oid.span) else { continue }
      let echoed = try value.read(.octetString)
      try value.finish()
      if !equals(echoed, nonce) { return true }
    }
    return false
  }
}
