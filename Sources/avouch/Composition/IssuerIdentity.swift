import OCSP
import OpenSSLCrypto
import Responder

/// What stays the same of a CA whatever certificate it has: its name and its key.
struct IssuerIdentity {
  private let name: [UInt8]
  private let publicKeyBits: [UInt8]

  init(_ certificate: Certificate) {
    name = certificate.subjectName
    publicKeyBits = certificate.publicKeyBits
  }

  /// The two hashes of a CertID (RFC 6960 4.1.1).
  func identifier(_ algorithm: HashAlgorithm) -> IssuerIdentifier {
    let hasher = OpenSSLHasher()
    guard let nameHash = Digest(hasher.digest(name, algorithm)),
      let keyHash = Digest(hasher.digest(publicKeyBits, algorithm))
    else { preconditionFailure("a digest of over 64 octets") }
    return IssuerIdentifier(nameHash: nameHash, keyHash: keyHash)
  }

  var identifiers: [HashAlgorithm: IssuerIdentifier] {
    Dictionary(uniqueKeysWithValues: HashAlgorithm.allCases.map { ($0, identifier($0)) })
  }

  /// SHA-256 over name and key: how the status store recognises the CA.
  var storeIdentity: [UInt8] {
    OpenSSLHasher().digest(name + publicKeyBits, .sha256)
  }
}
