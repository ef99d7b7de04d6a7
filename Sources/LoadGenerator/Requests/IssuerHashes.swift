public import OCSP

/// The two hashes by which CertIDs name an issuer (RFC 6960 4.1.1), for each hash function that a load asks with.
public struct IssuerHashes: Sendable {
  var heads: [HashAlgorithm: [UInt8]] = [:]
  private var digests: [HashAlgorithm: (name: Digest, key: Digest)] = [:]

  public init() {}

  public mutating func set(_ algorithm: HashAlgorithm, name: Digest, key: Digest) {
    digests[algorithm] = (name, key)
    heads[algorithm] = CertID.head(algorithm, nameHash: name, keyHash: key)
  }

  /// Nil for a hash function that was not set.
  public func certID(_ algorithm: HashAlgorithm, _ serial: SerialNumber) -> CertID? {
    digests[algorithm].map {
      CertID(hashAlgorithm: algorithm, issuerNameHash: $0.name, issuerKeyHash: $0.key, serial: serial)
    }
  }
}
