import COpenSSL
public import Responder

/// A private key in memory.
@safe
public final class PrivateKey: @unchecked Sendable {
  // Never changed after the initialiser; OpenSSL's EVP_PKEY may be used by several threads at once.
  let handle: OpaquePointer

  init(taking handle: OpaquePointer) {
    unsafe self.handle = unsafe handle
  }

  /// From a PEM file, encrypted or not.
  ///
  /// - Parameters:
  ///   - name: the file's name, for messages.
  ///   - passphrase: without its newline; nil for a key that is not encrypted.
  public convenience init(file octets: [UInt8], name: String, passphrase: String?) throws(CryptoError) {
    let parsed = try unsafe MemoryBIO.reading(octets) { bio -> OpaquePointer? in
      guard var passphrase = passphrase.map({ Array($0.utf8CString) }) else {
        // Without a callback OpenSSL would ask on the terminal.
        return unsafe PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
      }
      return unsafe passphrase.withUnsafeMutableBytes { unsafe PEM_read_bio_PrivateKey(bio, nil, nil, $0.baseAddress) }
    }
    guard let parsed = unsafe parsed else {
      let isEncrypted = String(decoding: octets, as: UTF8.self).contains("ENCRYPTED")
      if isEncrypted, passphrase == nil {
        ERR_clear_error()
        throw CryptoError("\(name): the private key is encrypted; name a file with its passphrase in 'keyPasswordFile'")
      }
      throw .openSSL(
        isEncrypted
          ? "\(name): the private key does not open with this passphrase" : "\(name): no PEM private key in it")
    }
    unsafe self.init(taking: parsed)
  }

  /// A new key of that kind, from OpenSSL's random generator.
  public static func generate(_ kind: KeyKind) throws(CryptoError) -> PrivateKey {
    let made =
      switch kind {
      case .p256: unsafe avouch_generate_ec_key("P-256")
      case .p384: unsafe avouch_generate_ec_key("P-384")
      case .p521: unsafe avouch_generate_ec_key("P-521")
      case .rsa(let bits): unsafe avouch_generate_rsa_key(UInt32(bits))
      case .ed25519: unsafe avouch_generate_ed25519_key()
      }
    guard let made = unsafe made else { throw .openSSL("no \(kind) key could be made") }
    return unsafe PrivateKey(taking: made)
  }

  deinit {
    unsafe EVP_PKEY_free(handle)
  }

  /// Whether this is the key of that certificate.
  public func belongs(to certificate: Certificate) -> Bool {
    defer { ERR_clear_error() }
    return unsafe X509_check_private_key(certificate.handle, handle) == 1
  }

  /// PKCS#8 PEM, not encrypted.
  public var pem: [UInt8] {
    unsafe MemoryBIO.writing { bio in unsafe PEM_write_bio_PKCS8PrivateKey(bio, handle, nil, nil, 0, nil, nil) }
  }

  /// Its public half, on its own.
  public var publicKey: PublicKey {
    get throws(CryptoError) {
      try PublicKey(subjectPublicKeyInfo: unsafe encoded { unsafe i2d_PUBKEY(handle, $0) }, name: "the public key")
    }
  }

  /// Nil for a kind that cannot sign responses.
  public var kind: KeyKind? { unsafe KeyKind(handle) }
}

extension KeyKind {
  /// The kind of an OpenSSL key, private or public; nil for one that cannot sign responses.
  init?(_ key: OpaquePointer?) {
    guard let key = unsafe key else { return nil }
    switch unsafe EVP_PKEY_get_base_id(key) {
    case EVP_PKEY_RSA, NID_rsassaPss: self = .rsa(bits: unsafe Int(EVP_PKEY_get_bits(key)))
    case NID_ED25519: self = .ed25519
    case EVP_PKEY_EC:
      var name = [CChar](repeating: 0, count: 64)
      var count = 0
      guard unsafe EVP_PKEY_get_group_name(key, &name, name.count, &count) == 1 else { return nil }
      switch String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) {
      case "prime256v1", "P-256": self = .p256
      case "secp384r1", "P-384": self = .p384
      case "secp521r1", "P-521": self = .p521
      default: return nil
      }
    default: return nil
    }
  }
}
