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
  /// A class, so that handing one on costs one reference count and not one for each of its arrays.
  public final class Entry: Sendable {
    public let credential: SigningCredential
    /// The octets that end every response of this credential: its embedded certificates.
    public let suffix: [UInt8]
    public let storeID: StoreCredentialID

    init(credential: SigningCredential, storeID: StoreCredentialID) {
      self.credential = credential
      suffix = BasicOCSPResponse.certificatesSuffix(credential.certificates)
      self.storeID = storeID
    }
  }

  public private(set) var entries: [Entry] = []
  private var places: [StoreCredentialID: CredentialIndex] = [:]

  public init() {}

  /// The index of a credential that the store knows under `storeID`, added where it is new.
  ///
  /// One that differs in its dates alone takes the place of the one that is there (`SigningCredential.renewed`). Where
  /// it ends earlier it gets a place of its own: answers in memory may outlive it, and those of an older index are
  /// replaced.
  public mutating func insert(_ credential: SigningCredential, storeID: StoreCredentialID) -> CredentialIndex {
    guard let present = places[storeID] else { return append(credential, storeID) }
    let held = self[present].credential
    let renewed = held.renewed(by: credential)
    if renewed.notAfter < held.notAfter { return append(renewed, storeID) }
    if renewed != held { entries[Int(present.value)] = Entry(credential: renewed, storeID: storeID) }
    return present
  }

  private mutating func append(_ credential: SigningCredential, _ storeID: StoreCredentialID) -> CredentialIndex {
    let index = CredentialIndex(UInt32(entries.count))
    entries.append(Entry(credential: credential, storeID: storeID))
    places[storeID] = index
    return index
  }

  public func index(of storeID: StoreCredentialID) -> CredentialIndex? { places[storeID] }

  public subscript(index: CredentialIndex) -> Entry { entries[Int(index.value)] }
}
