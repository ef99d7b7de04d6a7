public import DER

/// A signed answer (RFC 6960 4.2.1).
///
///     BasicOCSPResponse ::= SEQUENCE {
///       tbsResponseData    ResponseData,
///       signatureAlgorithm AlgorithmIdentifier,
///       signature          BIT STRING,
///       certs              [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
public enum BasicOCSPResponse {
  /// The whole OCSPResponse around a signed ResponseData: status `successful`, type id-pkix-ocsp-basic.
  ///
  /// - Parameters:
  ///   - tbsResponseData: the DER that was signed.
  ///   - signatureAlgorithm: a DER AlgorithmIdentifier.
  ///   - signature: the content of the BIT STRING without its unused-bits octet.
  ///   - certificates: DER certificates to embed; none leaves the field out.
  public static func encoded(
    tbsResponseData: [UInt8], signatureAlgorithm: [UInt8], signature: [UInt8], certificates: [[UInt8]]
  ) -> [UInt8] {
    let suffix = certificatesSuffix(certificates)
    return prefix(
      tbsResponseData: tbsResponseData, signatureAlgorithm: signatureAlgorithm, signature: signature,
      suffixCount: suffix.count) + suffix
  }

  /// The OCSPResponse up to the embedded certificates, which follow as `suffixCount` octets.
  public static func prefix(
    tbsResponseData: [UInt8], signatureAlgorithm: [UInt8], signature: [UInt8], suffixCount: Int
  ) -> [UInt8] {
    BasicOCSPResponseFrame(
      dataCount: tbsResponseData.count, signatureAlgorithm: signatureAlgorithm, signatureCount: signature.count,
      suffixCount: suffixCount
    ).prefix(tbsResponseData: tbsResponseData, signature: signature)
  }

  /// The signature of a whole OCSPResponse, as `encoded` takes it.
  public static func signature(in response: [UInt8]) throws(DERError) -> [UInt8] {
    let span = response.span
    var outer = DERReader(span)
    var fields = outer.inside(try outer.read(.sequence))
    _ = try fields.readSmallEnumerated()
    var wrapped = fields.inside(try fields.read(.context(0)))
    var pair = wrapped.inside(try wrapped.read(.sequence))
    _ = try pair.read(.objectIdentifier)
    var octets = DERReader(span, in: try pair.read(.octetString))
    var basic = octets.inside(try octets.read(.sequence))
    _ = try basic.readElement()
    _ = try basic.readElement()
    return span.array(try basic.readWholeBitString())
  }

  /// The octets with which every response that embeds these certificates ends; empty for none.
  public static func certificatesSuffix(_ certificates: [[UInt8]]) -> [UInt8] {
    guard !certificates.isEmpty else { return [] }
    var writer = DERWriter(capacity: certificates.reduce(16) { $0 + $1.count })
    writer.constructed(.context(0)) { writer in
      writer.sequence { writer in
        for certificate in certificates { writer.encoded(certificate) }
      }
    }
    return writer.finish()
  }
}
