extension Issuer {
  /// What one of its answers is kept under in the level that nodes share.
  public func sharedKey(_ key: ResponseKey) -> SharedKey {
    SharedKey(issuer: sharedName, hashAlgorithm: key.hashAlgorithm, serial: key.serial)
  }
}

extension IssuerDirectory {
  /// The issuer that nodes call so, and the key under which this node keeps the answer; nil where it is none of ours.
  public func key(_ shared: SharedKey) -> (ResponseKey, Issuer)? {
    guard let index = indexBySharedName[shared.issuer] else { return nil }
    let key = ResponseKey(issuer: index, hashAlgorithm: shared.hashAlgorithm, serial: shared.serial)
    return (key, issuers[index])
  }

  /// The same with one credential more: of a signer that this node has not met yet. Nil where that is impossible.
  public func adding(_ credential: SigningCredential) -> (IssuerDirectory, CredentialIndex)? {
    var table = credentials
    // No store here numbers credentials: their places do.
    let index = table.insert(credential, storeID: StoreCredentialID(-1 - Int64(table.entries.count)))
    let next = try? IssuerDirectory(
      issuers.issuers, credentials: table, placesBefore: places, surrogateKeyFields: surrogateKeyFields)
    return next.map { ($0, index) }
  }
}
