import DER

extension OCSPRequest {
  /// The request that `avouch check` and the tests send: no version, no names, no signature.
  ///
  /// - Parameter nonce: the bare octets, 1 to 128 (RFC 9654 2.1); nil for none.
  public static func encoded(certIDs: [CertID], nonce: [UInt8]? = nil) -> [UInt8] {
    var writer = DERWriter()
    writer.sequence { writer in
      writer.sequence { writer in
        writer.sequence { writer in
          for certID in certIDs {
            writer.sequence { $0.encoded(certID.encoded()) }
          }
        }
        guard let nonce else { return }
        writer.constructed(.context(2)) { writer in
          writer.sequence { writer in
            writer.encoded(OCSPExtension(identifier: ObjectIdentifier.nonce, value: wrapped(nonce)).encoded())
          }
        }
      }
    }
    return writer.finish()
  }

  /// The extnValue content of a nonce: an OCTET STRING inside the OCTET STRING (RFC 9654 2.1).
  public static func wrapped(_ nonce: [UInt8]) -> [UInt8] {
    var writer = DERWriter(capacity: nonce.count + 4)
    writer.octetString(nonce)
    return writer.finish()
  }
}
