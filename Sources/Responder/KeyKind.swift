/// The kinds of key that can sign responses.
public enum KeyKind: Sendable, Hashable, CustomStringConvertible {
  case p256
  case p384
  case p521
  case rsa(bits: Int)
  case ed25519

  /// `P-256`, `RSA 2048`, `Ed25519`: for messages.
  public var description: String {
    switch self {
    case .p256: "P-256"
    case .p384: "P-384"
    case .p521: "P-521"
    case .rsa(let bits): "RSA \(bits)"
    case .ed25519: "Ed25519"
    }
  }
}
