import CP11Kit
import DER
import Responder

/// SubjectPublicKeyInfo from the attributes of a key pair in a token (RFC 3279 2.3, RFC 5480 2, RFC 8410 4).
struct PublicKeyReader {
  private let session: TokenSession

  init(_ session: TokenSession) {
    self.session = session
  }

  func subjectPublicKeyInfo(of privateKey: CK_OBJECT_HANDLE) throws(TokenError) -> [UInt8] {
    let key = try TokenKey(session.cryptoki, session.handle, privateKey)
    // PKCS#11 2.40 has the whole structure as an attribute; few tokens fill it in.
    if let info = try session.attribute(privateKey, CKA_PUBLIC_KEY_INFO), info.first == 0x30 { return info }
    switch key.family {
    case .rsa: return try rsa(key, privateKey)
    case .ec, .edwards: return try curve(key)
    case .other: throw TokenError("key \(key) in token \(session.info) is of no kind that signs answers", .giveUp)
    }
  }

  private func rsa(_ key: TokenKey, _ privateKey: CK_OBJECT_HANDLE) throws(TokenError) -> [UInt8] {
    var modulus = try session.attribute(privateKey, CKA_MODULUS)
    var exponent = try session.attribute(privateKey, CKA_PUBLIC_EXPONENT)
    if modulus == nil || exponent == nil {
      let publicKey = try publicHandle(key)
      modulus = try session.attribute(publicKey, CKA_MODULUS)
      exponent = try session.attribute(publicKey, CKA_PUBLIC_EXPONENT)
    }
    guard let modulus, let exponent else { throw missing(key, "CKA_MODULUS") }
    var inner = DERWriter(capacity: modulus.count + 32)
    inner.sequence { sequence in
      sequence.primitive(.integer, PublicKeyReader.unsigned(modulus))
      sequence.primitive(.integer, PublicKeyReader.unsigned(exponent))
    }
    let rsaEncryption: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
    return PublicKeyReader.info(inner.finish()) { algorithm in
      algorithm.objectIdentifier(rsaEncryption)
      algorithm.null()
    }
  }

  private func curve(_ key: TokenKey) throws(TokenError) -> [UInt8] {
    let publicKey = try publicHandle(key)
    let parameters = try session.attribute(publicKey, CKA_EC_PARAMS)
    guard let curve = EllipticCurve(parameters: parameters) else { throw missing(key, "CKA_EC_PARAMS") }
    guard let value = try session.attribute(publicKey, CKA_EC_POINT) else { throw missing(key, "CKA_EC_POINT") }
    let point = PublicKeyReader.point(value, of: curve)
    return PublicKeyReader.info(point) { algorithm in
      if curve == .ed25519 {
        algorithm.encoded(curve.identifier)
      } else {
        // ecPublicKey, 1.2.840.10045.2.1.
        algorithm.objectIdentifier([0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01])
        algorithm.encoded(curve.identifier)
      }
    }
  }

  /// The point without the OCTET STRING that PKCS#11 puts around it, and that some tokens leave out.
  private static func point(_ value: [UInt8], of curve: EllipticCurve) -> [UInt8] {
    let count =
      switch curve {
      case .p256: 65
      case .p384: 97
      case .p521: 133
      case .ed25519: 32
      }
    return value.count > count && value.first == 0x04 ? Array(value.suffix(count)) : value
  }

  private static func info(_ key: [UInt8], _ algorithm: (inout DERWriter) -> Void) -> [UInt8] {
    var writer = DERWriter(capacity: key.count + 64)
    writer.sequence { info in
      info.sequence(algorithm)
      info.bitString(key)
    }
    return writer.finish()
  }

  private func publicHandle(_ key: TokenKey) throws(TokenError) -> CK_OBJECT_HANDLE {
    var template = AttributeTemplate()
    template.add(CKA_CLASS, CKO_PUBLIC_KEY)
    if key.id.isEmpty { template.add(CKA_LABEL, Array(key.label.utf8)) } else { template.add(CKA_ID, key.id) }
    guard let handle = try session.cryptoki.objects(session.handle, template, limit: 1).first else {
      throw TokenError("token \(session.info) has the private key \(key), and no public key of that id", .giveUp)
    }
    return handle
  }

  private func missing(_ key: TokenKey, _ attribute: String) -> TokenError {
    TokenError("key \(key) in token \(session.info): its public key does not tell \(attribute)", .giveUp)
  }

  /// The content of a DER INTEGER for a number that is not negative.
  private static func unsigned(_ octets: [UInt8]) -> [UInt8] {
    let significant = Array(octets.drop { $0 == 0 })
    guard let first = significant.first else { return [0] }
    return first >= 0x80 ? [0] + significant : significant
  }
}
