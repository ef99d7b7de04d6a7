import DER

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
    let capacity = tbsResponseData.count + signatureAlgorithm.count + signature.count + suffix.count + 64
    var writer = DERWriter(capacity: capacity)
    writer.sequence { writer in
      writer.primitive(.enumerated, [OCSPResponseStatus.successful.rawValue])
      writer.constructed(.context(0)) { writer in
        writer.sequence { writer in
          writer.objectIdentifier(ObjectIdentifier.basicResponse)
          writer.constructed(.octetString) { writer in
            writer.sequence { writer in
              writer.encoded(tbsResponseData)
              writer.encoded(signatureAlgorithm)
              writer.bitString(signature)
              writer.encoded(suffix)
            }
          }
        }
      }
    }
    return writer.finish()
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
