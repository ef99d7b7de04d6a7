public import OCSP

/// What an import did, in numbers.
public struct ImportSummary: Sendable, Hashable {
  /// Certificates of which the store keeps what the source would change.
  public struct Kept: Sendable, Hashable {
    public var count = 0
    /// Of these, how many have changed otherwise.
    public var updated = 0
    /// The first few of them, to show.
    public var examples: [SerialNumber] = []

    fileprivate mutating func add(_ serial: SerialNumber, isUpdated: Bool) {
      count += 1
      if isUpdated { updated += 1 }
      if examples.count < 5 { examples.append(serial) }
    }
  }

  public var added = 0
  public var changed = 0
  public var unchanged = 0
  /// Good or on hold in the source, revoked for good in the store, and left so.
  public var keptRevoked = Kept()
  /// Revoked in both, with a graver reason or an earlier time in the store, and left so.
  public var keptGraver = Kept()
  /// Of the added and changed ones, how many are revoked.
  public var revoked = 0
  /// The revision that the changes got; the store's latest where nothing changed.
  public var revision = Revision.zero

  public init() {}

  /// How many records that were there are other ones than before.
  public var updated: Int { changed + keptRevoked.updated + keptGraver.updated }

  /// Whether any record is another one than before.
  public var hasChanges: Bool { added + updated > 0 }

  /// Counts one record of the source; gives what the store has to write for it, if anything.
  public mutating func count(_ change: RecordChange, of serial: SerialNumber) -> CertificateRecord? {
    switch change {
    case .unchanged:
      unchanged += 1
      return nil
    case .insert(let record):
      added += 1
      if record.revocation != nil { revoked += 1 }
      return record
    case .update(let record):
      changed += 1
      if record.revocation != nil { revoked += 1 }
      return record
    case .keepsRevocation(let record):
      keptRevoked.add(serial, isUpdated: record != nil)
      return record
    case .keepsGraver(let record):
      keptGraver.add(serial, isUpdated: record != nil)
      return record
    }
  }
}
