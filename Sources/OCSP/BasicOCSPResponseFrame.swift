import DER

/// What is the same in all responses whose parts have the same sizes: their octets up to the embedded certificates, with gaps for
/// what is signed and for the signature.
public struct BasicOCSPResponseFrame: Sendable {
  private let octets: [UInt8]
  private let data: Range<Int>
  private let signature: Range<Int>

  /// - Parameters:
  ///   - dataCount: octets of tbsResponseData.
  ///   - signatureAlgorithm: a DER AlgorithmIdentifier.
  ///   - signatureCount: octets of the BIT STRING's content, without the one for unused bits.
  ///   - suffixCount: octets of the embedded certificates, as `BasicOCSPResponse.certificatesSuffix` gives them.
  public init(dataCount: Int, signatureAlgorithm: [UInt8], signatureCount: Int, suffixCount: Int) {
    let type = ObjectIdentifier.basicResponse
    // From the inside out, so that nothing is written twice.
    let basic =
      dataCount + signatureAlgorithm.count + DERWriter.elementCount(contentCount: signatureCount + 1) + suffixCount
    let octetString = DERWriter.elementCount(contentCount: basic)
    let responseBytes =
      DERWriter.elementCount(contentCount: type.count) + DERWriter.elementCount(contentCount: octetString)
    let wrapped = DERWriter.elementCount(contentCount: responseBytes)
    let whole = 3 + DERWriter.elementCount(contentCount: wrapped)
    var writer = DERWriter(capacity: whole + 8 - suffixCount)
    writer.header(.sequence, contentCount: whole)
    writer.header(.enumerated, contentCount: 1)
    writer.encoded(octet: OCSPResponseStatus.successful.rawValue)
    writer.header(.context(0), contentCount: wrapped)
    writer.header(.sequence, contentCount: responseBytes)
    writer.objectIdentifier(type)
    writer.header(.octetString, contentCount: octetString)
    writer.header(.sequence, contentCount: basic)
    data = writer.octets.count..<writer.octets.count + dataCount
    writer.encoded([UInt8](repeating: 0, count: dataCount))
    writer.encoded(signatureAlgorithm)
    writer.header(.bitString, contentCount: signatureCount + 1)
    writer.encoded(octet: 0)
    signature = writer.octets.count..<writer.octets.count + signatureCount
    writer.encoded([UInt8](repeating: 0, count: signatureCount))
    octets = writer.finish()
  }

  /// The OCSPResponse up to the embedded certificates. Traps where the parts have other sizes than the frame is for.
  public func prefix(tbsResponseData: [UInt8], signature: [UInt8]) -> [UInt8] {
    precondition(tbsResponseData.count == data.count && signature.count == self.signature.count)
    var result = octets
    unsafe result.withUnsafeMutableBytes { target in
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[data]).copyBytes(from: tbsResponseData)
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[self.signature]).copyBytes(from: signature)
    }
    return result
  }
}
