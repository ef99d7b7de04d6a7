public import CalendarTime
public import OCSP

/// One issuer whose certificates are answered for, and what its answers are made of.
///
/// A class, so that handing one on costs one reference count and not one for each of its arrays.
public final class Issuer: Sendable {
  public let index: IssuerIndex
  public let storeID: StoreIssuerID
  /// The configuration's name for it.
  public let name: String
  public let policy: IssuerPolicy
  /// issuerNameHash and issuerKeyHash by hash algorithm (RFC 6960 4.1.1).
  public let identifiers: [HashAlgorithm: IssuerIdentifier]
  /// In whose name new answers are signed.
  public let credential: SigningCredential
  /// Its place in the directory's table.
  public let credentialIndex: CredentialIndex
  /// The keys that sign in the credential's name, each in a place of its own: any of them will do.
  public let keys: [any Signer]
  public let issuerNotBefore: UnixTime
  /// What nodes call it among each other.
  public let sharedName: SharedIssuerName
  /// What its CertIDs have in common, by the hash algorithm's number.
  private let certIDHeads: [[UInt8]]
  /// How far its first reading from the store has come; one and the same through reloads.
  public let progress: IssuerProgress

  public init(
    index: IssuerIndex, storeID: StoreIssuerID, name: String, policy: IssuerPolicy,
    identifiers: [HashAlgorithm: IssuerIdentifier], credential: SigningCredential, credentialIndex: CredentialIndex,
    keys: [any Signer], issuerNotBefore: UnixTime, sharedName: SharedIssuerName = SharedIssuerName(0),
    progress: IssuerProgress = IssuerProgress()
  ) {
    self.index = index
    self.storeID = storeID
    self.name = name
    self.policy = policy
    self.identifiers = identifiers
    self.credential = credential
    self.credentialIndex = credentialIndex
    self.keys = keys
    self.issuerNotBefore = issuerNotBefore
    self.sharedName = sharedName
    self.progress = progress
    certIDHeads = (0...(HashAlgorithm.allCases.map { Int($0.rawValue) }.max() ?? 0)).map { number in
      guard let algorithm = HashAlgorithm(rawValue: UInt8(number)), let identifier = identifiers[algorithm] else {
        return []
      }
      return CertID.head(algorithm, nameHash: identifier.nameHash, keyHash: identifier.keyHash)
    }
  }

  /// The issuer after its configuration is gone: its place is kept, because places are numbers, and nothing is answered.
  public var retired: Issuer {
    Issuer(
      index: index, storeID: storeID, name: name, policy: policy, identifiers: [:], credential: credential,
      credentialIndex: credentialIndex, keys: [], issuerNotBefore: issuerNotBefore, sharedName: sharedName,
      progress: progress)
  }

  public var isRetired: Bool { identifiers.isEmpty }

  /// Why nothing can be signed now, where the signer's certificate is over or to come; nil where it is valid.
  public func reasonOfDates(now: UnixTime) -> String? {
    if now < credential.notBefore {
      return "issuer '\(name)': the signer's certificate begins at \(credential.notBefore.iso8601)"
    }
    return now >= credential.notAfter ? warningOfEnd(now: now) : nil
  }

  /// What an operator should know of its signer's certificate: that it is over, or so near its end that answers are cut
  /// short by it (invariant 4). Nil where there is nothing to say.
  public func warningOfEnd(now: UnixTime) -> String? {
    let end = credential.notAfter
    if now >= end { return "issuer '\(name)': the signer's certificate ended at \(end.iso8601)" }
    guard !policy.isForever, now.advanced(bySeconds: policy.validitySeconds) > end else { return nil }
    return "issuer '\(name)': the signer's certificate ends at \(end.iso8601); answers are cut short"
  }

  /// The CertID of one of its certificates, encoded; nil where the issuer is retired.
  public func encodedCertID(_ serial: SerialNumber, _ hashAlgorithm: HashAlgorithm) -> [UInt8]? {
    certIDHead(hashAlgorithm).map { CertID.encoded(head: $0, serial: serial) }
  }

  /// What stands before the serial in the CertIDs of its certificates; nil where the issuer is retired.
  func certIDHead(_ hashAlgorithm: HashAlgorithm) -> [UInt8]? {
    let head = certIDHeads[Int(hashAlgorithm.rawValue)]
    return head.isEmpty || isRetired ? nil : head
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
