import DER

/// Where in an OCSPResponse the octets are that differ from answer to answer of one signer: serial, status time, times,
/// signature. All else is the same in thousands of answers (RFC 6960 4.2.1).
///
/// Of responses with one entry, as those signed ahead have.
public struct ResponseLayout: Sendable, Hashable {
  /// The content octets of the serial in the CertID.
  public var serial: Range<Int>
  /// The fifteen octets of each GeneralizedTime; nil for what the response does not have.
  public var producedAt: Range<Int>
  public var thisUpdate: Range<Int>
  public var nextUpdate: Range<Int>?
  public var revocationTime: Range<Int>?
  public var archiveCutoff: Range<Int>?
  /// The content of the BIT STRING without its unused-bits octet.
  public var signature: Range<Int>

  /// Reads the octets of a response up to its embedded certificates, which may be missing.
  ///
  /// Nil for what has another shape: an error answer, more than one entry, no signature.
  public init?(prefix octets: Span<UInt8>) {
    do throws(DERError) {
      var fields = try ResponseLayout.basicResponse(octets)
      let data = fields.inside(try fields.read(.sequence))
      _ = try fields.readElement()
      let signature = try fields.readWholeBitString()
      guard let layout = try ResponseLayout(data, octets, signature: signature) else { return nil }
      self = layout
    } catch {
      return nil
    }
  }

  private init?(
    _ responseData: consuming DERReader, _ octets: Span<UInt8>, signature: Range<Int>
  ) throws(DERError) {
    self.signature = signature
    _ = try responseData.readOptional(.context(0))
    _ = try responseData.readElement()
    producedAt = try ResponseLayout.time(&responseData)
    var list = responseData.inside(try responseData.read(.sequence))
    var single = list.inside(try list.read(.sequence))
    guard list.isAtEnd else { return nil }
    let certID = try single.readElement()
    guard certID.tag == .sequence, let serial = try ResponseLayout.serial(in: single.inside(certID.content)) else {
      return nil
    }
    self.serial = serial
    let status = try single.readElement()
    if status.tag == .context(1) {
      var revoked = single.inside(status.content)
      revocationTime = try ResponseLayout.time(&revoked)
    }
    thisUpdate = try ResponseLayout.time(&single)
    if let wrapped = try single.readOptional(.context(0)) {
      var inside = single.inside(wrapped)
      nextUpdate = try ResponseLayout.time(&inside)
    }
    if let wrapped = try single.readOptional(.context(1)) {
      var inside = single.inside(wrapped)
      archiveCutoff = try ResponseLayout.archiveCutoff(in: inside.inside(try inside.read(.sequence)), octets)
    }
  }

  /// A reader of the BasicOCSPResponse's fields as far as they are there: the lengths around it count what is missing too.
  @_lifetime(copy octets)
  private static func basicResponse(_ octets: Span<UInt8>) throws(DERError) -> DERReader {
    var place = 0
    // OCSPResponse and its status, [0], ResponseBytes and its type, OCTET STRING, BasicOCSPResponse.
    for tag in [DERTag.sequence, .context(0), .sequence, .octetString, .sequence] {
      let start = place
      place = try contentStart(octets, at: place, tag)
      if tag == .sequence, start == 0 || octets[place] == DERTag.objectIdentifier.rawValue {
        var reader = DERReader(octets, in: place..<octets.count)
        _ = try reader.readElement()
        place = reader.position
      }
    }
    return DERReader(octets, in: place..<octets.count)
  }

  /// The offset of an element's content, whether or not all of it is there.
  private static func contentStart(_ octets: Span<UInt8>, at place: Int, _ tag: DERTag) throws(DERError) -> Int {
    guard place + 2 < octets.count, octets[place] == tag.rawValue else { throw DERError(.expected(tag), offset: place) }
    let length = octets[place + 1]
    let start = place + 2 + (length < 0x80 ? 0 : Int(length & 0x7F))
    guard start < octets.count else { throw DERError(.truncated, offset: place) }
    return start
  }

  private static func time(_ reader: inout DERReader) throws(DERError) -> Range<Int> {
    let start = reader.position
    _ = try reader.readGeneralizedTime()
    return start + 2..<reader.position
  }

  private static func serial(in certID: consuming DERReader) throws(DERError) -> Range<Int>? {
    _ = try certID.readElement()
    _ = try certID.read(.octetString)
    _ = try certID.read(.octetString)
    let serial = try certID.readIntegerOctets()
    return certID.isAtEnd ? serial : nil
  }

  /// The time in an archive cutoff (RFC 6960 4.4.4), where there is one.
  private static func archiveCutoff(
    in extensions: consuming DERReader, _ octets: Span<UInt8>
  ) throws(DERError) -> Range<Int>? {
    while !extensions.isAtEnd {
      var fields = extensions.inside(try extensions.read(.sequence))
      let identifier = try fields.read(.objectIdentifier)
      guard fields.equals(identifier, ObjectIdentifier.archiveCutoff) else { continue }
      if fields.nextTag == .boolean { _ = try fields.readBoolean() }
      var value = DERReader(octets, in: try fields.read(.octetString))
      return try time(&value)
    }
    return nil
  }
}
