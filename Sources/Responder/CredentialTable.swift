import OCSP

/// The number under which a store keeps a credential; it outlives the process, unlike `CredentialIndex`.
public struct StoreCredentialID: Sendable, Hashable {
  public var value: Int64

  public init(_ value: Int64) {
    self.value = value
  }
}

/// Every credential that an answer in memory or in the store may have been signed with. It only grows, so that an index
/// means the same for the life of the process.
public struct CredentialTable: Sendable {
  public struct Entry: Sendable {
    public var credential: SigningCredential
    /// The octets that end every response of this credential: its embedded certificates.
    public var suffix: [UInt8]
    public var storeID: StoreCredentialID
  }

  public private(set) var entries: [Entry] = []
  private var places: [StoreCredentialID: CredentialIndex] = [:]

  public init() {}

  /// The index of a credential that the store knows under `storeID`, added where it is new.
  public mutating func insert(_ credential: SigningCredential, storeID: StoreCredentialID) -> CredentialIndex {
    if let index = places[storeID] { return index }
    let index = CredentialIndex(UInt32(entries.count))
    entries.append(
      Entry(
        credential: credential, suffix: BasicOCSPResponse.certificatesSuffix(credential.certificates), storeID: storeID)
    )
    places[storeID] = index
    return index
  }

  public func index(of storeID: StoreCredentialID) -> CredentialIndex? { places[storeID] }

  public subscript(index: CredentialIndex) -> Entry { entries[Int(index.value)] }
}
