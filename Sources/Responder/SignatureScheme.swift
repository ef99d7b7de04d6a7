public import OCSP

/// How responses are signed: key kind, digest and padding, and the AlgorithmIdentifier that says so.
public struct SignatureScheme: Sendable, Hashable {
  public enum Padding: Sendable, Hashable {
    case pkcs1
    case pss
  }

  public let key: KeyKind
  /// Nil for Ed25519, which hashes by itself.
  public let digest: HashAlgorithm?
  public let padding: Padding

  /// - Parameter digest: nil chooses the one that the rules give the key: SHA-256 for P-256 and RSA, SHA-384 for
  ///   P-384, SHA-512 for P-521 (CA/Browser Forum TLS BR 7.1.3.2).
  public init(key: KeyKind, digest: HashAlgorithm?, padding: Padding) throws(SignatureSchemeError) {
    if digest == .sha1 { throw SignatureSchemeError("SHA-1 signatures are forbidden; use sha256, sha384 or sha512") }
    self.key = key
    self.padding = padding
    switch key {
    case .p256: self.digest = digest ?? .sha256
    case .p384: self.digest = digest ?? .sha384
    case .p521: self.digest = digest ?? .sha512
    case .ed25519:
      if digest != nil { throw SignatureSchemeError("Ed25519 hashes by itself; leave 'digest' at auto") }
      self.digest = nil
    case .rsa(let bits):
      guard (2048...8192).contains(bits) else {
        throw SignatureSchemeError("an RSA key of \(bits) bits; 2048 to 8192 are possible")
      }
      self.digest = digest ?? .sha256
    }
    if padding == .pss, case .rsa = key { return }
    if padding == .pss { throw SignatureSchemeError("PSS padding is for RSA keys; this one is \(key)") }
  }

  /// The DER AlgorithmIdentifier, octet for octet as RFC 4055, 5758, 8410 and TLS BR 7.1.3.2 give it.
  public var algorithmIdentifier: [UInt8] {
    // The last arc of the digest's identifier runs in the same order in all three families.
    let step: UInt8 =
      switch digest {
      case .sha384: 1
      case .sha512: 2
      default: 0
      }
    switch key {
    case .ed25519:
      return [0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70]
    case .p256, .p384, .p521:
      return [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02 + step]
    case .rsa where padding == .pkcs1:
      return [
        0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B + step, 0x05, 0x00,
      ]
    case .rsa:
      let hash: [UInt8] = [
        0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 + step, 0x05, 0x00,
      ]
      let rsassaPSS: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A]
      let mgf1: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08]
      return [0x30, 0x41] + rsassaPSS + [0x30, 0x34, 0xA0, 0x0F] + hash + [0xA1, 0x1C, 0x30, 0x1A] + mgf1 + hash
        + [0xA2, 0x03, 0x02, 0x01, UInt8(digest?.digestCount ?? 32)]
    }
  }

  /// `ECDSA P-256 with SHA-256`: for people.
  public var text: String {
    let hash = digest.map { " with SHA-\($0.digestCount * 8)" } ?? ""
    switch key {
    case .rsa: return "\(key) (\(padding == .pss ? "PSS" : "PKCS#1 v1.5"))\(hash)"
    case .ed25519: return "\(key)"
    default: return "ECDSA \(key)\(hash)"
    }
  }
}

/// A combination of key, digest and padding that cannot sign answers, in words that name what is possible.
public struct SignatureSchemeError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String

  init(_ description: String) {
    self.description = description
  }
}
