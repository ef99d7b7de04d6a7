public import CalendarTime
public import OCSP

/// One issuer whose certificates are answered for: what its answers are made of, fixed for the life of the process.
public struct Issuer: Sendable {
  public var index: IssuerIndex
  public var storeID: StoreIssuerID
  /// The configuration's name for it.
  public var name: String
  public var policy: IssuerPolicy
  /// issuerNameHash and issuerKeyHash by hash algorithm (RFC 6960 4.1.1).
  public var identifiers: [HashAlgorithm: IssuerIdentifier]
  public var responderID: ResponderID
  /// The certificates embedded in each response, DER; empty where the CA signs itself and embeds nothing.
  public var certificates: [[UInt8]]
  public var signer: any Signer
  /// No answer may begin before, nor end after, the signer's certificate is valid (invariant 4).
  public var signerNotBefore: UnixTime
  public var signerNotAfter: UnixTime
  public var issuerNotBefore: UnixTime

  public init(
    index: IssuerIndex, storeID: StoreIssuerID, name: String, policy: IssuerPolicy,
    identifiers: [HashAlgorithm: IssuerIdentifier], responderID: ResponderID, certificates: [[UInt8]],
    signer: any Signer, signerNotBefore: UnixTime, signerNotAfter: UnixTime, issuerNotBefore: UnixTime
  ) {
    self.index = index
    self.storeID = storeID
    self.name = name
    self.policy = policy
    self.identifiers = identifiers
    self.responderID = responderID
    self.certificates = certificates
    self.signer = signer
    self.signerNotBefore = signerNotBefore
    self.signerNotAfter = signerNotAfter
    self.issuerNotBefore = issuerNotBefore
  }

  /// The CertID of one of its certificates.
  public func certID(_ serial: SerialNumber, _ hashAlgorithm: HashAlgorithm) -> CertID? {
    guard let identifier = identifiers[hashAlgorithm] else { return nil }
    return CertID(
      hashAlgorithm: hashAlgorithm, issuerNameHash: identifier.nameHash, issuerKeyHash: identifier.keyHash,
      serial: serial)
  }
}

/// The two hashes by which a CertID names an issuer.
public struct IssuerIdentifier: Sendable, Hashable {
  public var nameHash: Digest
  public var keyHash: Digest

  public init(nameHash: Digest, keyHash: Digest) {
    self.nameHash = nameHash
    self.keyHash = keyHash
  }
}
