import CP11Kit
import OCSP
import Responder

/// How a scheme is said in PKCS#11: the mechanism, what it is given, and what it returns.
///
/// The token is given a digest, not the message: what travels to an HSM is short, and every token can do it.
struct SigningMechanism: Sendable {
  let type: CK_MECHANISM_TYPE
  /// The mechanism's name in the standard.
  let name: String
  let digest: HashAlgorithm?
  /// What comes in front of the digest: for RSASSA-PKCS1-v1_5 the beginning of DigestInfo (RFC 8017 9.2).
  let prefix: [UInt8]
  /// Nil but for RSASSA-PSS, whose salt is as long as the digest (RFC 4055 3.1).
  let pss: CK_RSA_PKCS_PSS_PARAMS?
  let form: Form

  enum Form: Sendable, Hashable {
    /// r and s of that many octets each, one behind the other (PKCS#11 2.40 2.3.1).
    case ecdsa(fieldCount: Int)
    /// The signature as X.509 has it, of that many octets.
    case plain(count: Int)

    /// Octets of the largest answer.
    var maximumCount: Int {
      switch self {
      case .ecdsa(let fieldCount): 2 * fieldCount
      case .plain(let count): count
      }
    }
  }

  init(_ scheme: SignatureScheme) {
    digest = scheme.digest
    var (prefix, pss): ([UInt8], CK_RSA_PKCS_PSS_PARAMS?) = ([], nil)
    switch scheme.key {
    case .p256: (type, name, form) = (CKM_ECDSA, "CKM_ECDSA", .ecdsa(fieldCount: 32))
    case .p384: (type, name, form) = (CKM_ECDSA, "CKM_ECDSA", .ecdsa(fieldCount: 48))
    case .p521: (type, name, form) = (CKM_ECDSA, "CKM_ECDSA", .ecdsa(fieldCount: 66))
    case .ed25519: (type, name, form) = (CKM_EDDSA, "CKM_EDDSA", .plain(count: 64))
    case .rsa(let bits) where scheme.padding == .pss:
      (type, name, form) = (CKM_RSA_PKCS_PSS, "CKM_RSA_PKCS_PSS", .plain(count: (bits + 7) / 8))
      pss = SigningMechanism.pssParameters(scheme.digest ?? .sha256)
    case .rsa(let bits):
      (type, name, form) = (CKM_RSA_PKCS, "CKM_RSA_PKCS", .plain(count: (bits + 7) / 8))
      prefix = SigningMechanism.digestInfoPrefix(scheme.digest ?? .sha256)
    }
    self.prefix = prefix
    self.pss = pss
  }

  private static func pssParameters(_ digest: HashAlgorithm) -> CK_RSA_PKCS_PSS_PARAMS {
    let (hash, mask) =
      switch digest {
      case .sha1: (CKM_SHA_1, CKG_MGF1_SHA1)
      case .sha256: (CKM_SHA256, CKG_MGF1_SHA256)
      case .sha384: (CKM_SHA384, CKG_MGF1_SHA384)
      case .sha512: (CKM_SHA512, CKG_MGF1_SHA512)
      }
    return CK_RSA_PKCS_PSS_PARAMS(hashAlg: hash, mgf: mask, sLen: CK_ULONG(digest.digestCount))
  }

  /// SEQUENCE { AlgorithmIdentifier with NULL, OCTET STRING … without the digest itself.
  private static func digestInfoPrefix(_ digest: HashAlgorithm) -> [UInt8] {
    let identifier = digest.objectIdentifier
    let algorithm = [0x06, UInt8(identifier.count)] + identifier + [0x05, 0x00]
    let count = UInt8(digest.digestCount)
    return [0x30, UInt8(algorithm.count) + 4 + count, 0x30, UInt8(algorithm.count)] + algorithm + [0x04, count]
  }

  /// The mechanisms of a family of keys that have to do with signing: for messages.
  static func names(for family: KeyFamily) -> [CK_MECHANISM_TYPE: String] {
    switch family {
    case .rsa:
      [
        CKM_RSA_PKCS: "CKM_RSA_PKCS", CKM_RSA_X_509: "CKM_RSA_X_509", CKM_RSA_PKCS_PSS: "CKM_RSA_PKCS_PSS",
        CKM_SHA256_RSA_PKCS: "CKM_SHA256_RSA_PKCS", CKM_SHA384_RSA_PKCS: "CKM_SHA384_RSA_PKCS",
        CKM_SHA512_RSA_PKCS: "CKM_SHA512_RSA_PKCS", CKM_SHA256_RSA_PKCS_PSS: "CKM_SHA256_RSA_PKCS_PSS",
        CKM_SHA384_RSA_PKCS_PSS: "CKM_SHA384_RSA_PKCS_PSS", CKM_SHA512_RSA_PKCS_PSS: "CKM_SHA512_RSA_PKCS_PSS",
      ]
    case .ec:
      [
        CKM_ECDSA: "CKM_ECDSA", CKM_ECDSA_SHA256: "CKM_ECDSA_SHA256", CKM_ECDSA_SHA384: "CKM_ECDSA_SHA384",
        CKM_ECDSA_SHA512: "CKM_ECDSA_SHA512",
      ]
    case .edwards: [CKM_EDDSA: "CKM_EDDSA"]
    case .other: [:]
    }
  }
}
