import DER

/// Who signed (RFC 6960 4.2.1).
///
///     ResponderID ::= CHOICE {
///       byName [1] Name,
///       byKey  [2] KeyHash }
public enum ResponderID: Sendable, Hashable {
  /// The DER Name of the signer certificate's subject.
  case byName([UInt8])
  /// SHA-1 of the signer's subjectPublicKey BIT STRING, whatever hash the CertIDs use.
  case byKey([UInt8])

  func write(_ writer: inout DERWriter) {
    switch self {
    case .byName(let name): writer.constructed(.context(1)) { $0.encoded(name) }
    case .byKey(let hash): writer.constructed(.context(2)) { $0.octetString(hash) }
    }
  }
}
