public import OCSP

/// Which issuer a CertID speaks of: one hash lookup over every issuer and hash algorithm.
///
/// Built once and never changed. Both hashes must match: the name hash alone is shared by a CA's old and new keys, the
/// key hash alone by cross-certified CAs.
public struct IssuerTable: Sendable {
  public let issuers: [Issuer]
  private var slots: [Slot]
  private let mask: Int

  private struct Slot: Sendable {
    var issuer: Int32 = -1
    var hashAlgorithm = HashAlgorithm.sha1
    var identifier: IssuerIdentifier?
  }

  /// Two issuers that are the same CA, by name and key.
  public struct DuplicateIssuer: Error, Sendable, CustomStringConvertible {
    public var first: String
    public var second: String

    public var description: String {
      "issuers '\(first)' and '\(second)' have the same name and key: one CA can be configured once"
    }
  }

  /// - Parameter issuers: in the order of their indexes, from 0.
  public init(_ issuers: [Issuer]) throws(DuplicateIssuer) {
    self.issuers = issuers
    var count = 16
    while count < issuers.count * 8 { count *= 2 }
    mask = count - 1
    slots = [Slot](repeating: Slot(), count: count)
    for (place, issuer) in issuers.enumerated() {
      precondition(Int(issuer.index.value) == place, "an issuer's index is its place in the table")
      for (algorithm, identifier) in issuer.identifiers {
        if let other = find(algorithm, identifier) {
          throw DuplicateIssuer(first: issuers[Int(other.value)].name, second: issuer.name)
        }
        insert(Slot(issuer: Int32(place), hashAlgorithm: algorithm, identifier: identifier))
      }
    }
  }

  /// The issuer that the CertID names, or nil where it is none of ours.
  public func index(of certID: CertID) -> IssuerIndex? {
    find(certID.hashAlgorithm, IssuerIdentifier(nameHash: certID.issuerNameHash, keyHash: certID.issuerKeyHash))
  }

  public subscript(index: IssuerIndex) -> Issuer {
    issuers[Int(index.value)]
  }

  private mutating func insert(_ slot: Slot) {
    guard let identifier = slot.identifier else { return }
    var place = home(identifier)
    while slots[place].issuer >= 0 { place = (place + 1) & mask }
    slots[place] = slot
  }

  private func find(_ algorithm: HashAlgorithm, _ identifier: IssuerIdentifier) -> IssuerIndex? {
    var place = home(identifier)
    while slots[place].issuer >= 0 {
      if slots[place].hashAlgorithm == algorithm, slots[place].identifier == identifier {
        return IssuerIndex(UInt16(slots[place].issuer))
      }
      place = (place + 1) & mask
    }
    return nil
  }

  /// The key hash is a digest already: its first octets are as good a hash as any. Which slots are filled is the
  /// configuration's doing, so a client cannot make probes long.
  private func home(_ identifier: IssuerIdentifier) -> Int {
    var value = 0
    for index in 0..<min(7, identifier.keyHash.count) { value = value << 8 | Int(identifier.keyHash[index]) }
    return value & mask
  }
}
