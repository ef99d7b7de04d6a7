import DER

/// Which certificate is meant (RFC 6960 4.1.1).
///
///     CertID ::= SEQUENCE {
///       hashAlgorithm  AlgorithmIdentifier,
///       issuerNameHash OCTET STRING, -- hash of the issuer's DN
///       issuerKeyHash  OCTET STRING, -- hash of the issuer's public key
///       serialNumber   CertificateSerialNumber }
public struct CertID: Sendable, Hashable {
  public var hashAlgorithm: HashAlgorithm
  public var issuerNameHash: Digest
  public var issuerKeyHash: Digest
  public var serial: SerialNumber

  public init(hashAlgorithm: HashAlgorithm, issuerNameHash: Digest, issuerKeyHash: Digest, serial: SerialNumber) {
    self.hashAlgorithm = hashAlgorithm
    self.issuerNameHash = issuerNameHash
    self.issuerKeyHash = issuerKeyHash
    self.serial = serial
  }

  /// DER with NULL parameters, as every client seen writes it (standards, quirk 5).
  public func encoded() -> [UInt8] {
    CertID.encoded(
      head: CertID.head(hashAlgorithm, nameHash: issuerNameHash, keyHash: issuerKeyHash), serial: serial)
  }

  /// The fields that all certificates of an issuer share: all but the serial.
  public static func head(_ hashAlgorithm: HashAlgorithm, nameHash: Digest, keyHash: Digest) -> [UInt8] {
    var writer = DERWriter(capacity: 160)
    writer.sequence { writer in
      writer.objectIdentifier(hashAlgorithm.objectIdentifier)
      writer.null()
    }
    writer.octetString(nameHash.octets)
    writer.octetString(keyHash.octets)
    return writer.finish()
  }

  /// The whole CertID from its `head`.
  public static func encoded(head: [UInt8], serial: SerialNumber) -> [UInt8] {
    let count = head.count + DERWriter.elementCount(contentCount: serial.count)
    var writer = DERWriter(capacity: DERWriter.elementCount(contentCount: count))
    writer.header(.sequence, contentCount: count)
    writer.encoded(head)
    writer.header(.integer, contentCount: serial.count)
    for index in 0..<serial.count { writer.encoded(octet: serial[index]) }
    return writer.finish()
  }

  /// Reads a CertID from the reader.
  ///
  /// - Parameter octets: what the reader reads.
  /// - Returns: nil for one that is well formed and yet nobody's here: a hash that Avouch does not know or whose
  ///   digests have another length, parameters other than NULL, a serial of over 32 octets.
  static func read(_ reader: inout DERReader, _ octets: Span<UInt8>) throws(DERError) -> CertID? {
    var fields = reader.inside(try reader.read(.sequence))
    let algorithm = try readHashAlgorithm(&fields, octets)
    let nameHash = try fields.read(.octetString)
    let keyHash = try fields.read(.octetString)
    let serial = try fields.readIntegerOctets()
    try fields.finish()
    guard let algorithm, nameHash.count == algorithm.digestCount, keyHash.count == algorithm.digestCount,
      let nameDigest = Digest(octets, in: nameHash), let keyDigest = Digest(octets, in: keyHash),
      let serial = SerialNumber(content: octets.extracting(serial))
    else { return nil }
    return CertID(hashAlgorithm: algorithm, issuerNameHash: nameDigest, issuerKeyHash: keyDigest, serial: serial)
  }

  private static func readHashAlgorithm(
    _ reader: inout DERReader, _ octets: Span<UInt8>
  ) throws(DERError) -> HashAlgorithm? {
    var fields = reader.inside(try reader.read(.sequence))
    let identifier = try fields.read(.objectIdentifier)
    // Absent and NULL mean the same (RFC 5754 2); both are sent.
    var hasOtherParameters = false
    if !fields.isAtEnd {
      let parameters = try fields.readElement()
      hasOtherParameters = parameters.tag != .null || !parameters.content.isEmpty
    }
    try fields.finish()
    return hasOtherParameters ? nil : HashAlgorithm(objectIdentifier: identifier, in: octets)
  }
}

extension HashAlgorithm {
  /// The algorithm with these content octets; told apart without an array, because every question comes by here.
  fileprivate init?(objectIdentifier range: Range<Int>, in octets: Span<UInt8>) {
    var value: UInt64 = 0
    guard range.count == 5 || range.count == 9 else { return nil }
    for index in 0..<range.count - 1 { value = value << 8 | UInt64(octets[range.lowerBound + index]) }
    switch (value, octets[range.upperBound - 1]) {
    case (0x2B0E_0302, 0x1A) where range.count == 5: self = .sha1
    case (0x6086_4801_6503_0402, 0x01): self = .sha256
    case (0x6086_4801_6503_0402, 0x02): self = .sha384
    case (0x6086_4801_6503_0402, 0x03): self = .sha512
    default: return nil
    }
  }
}
