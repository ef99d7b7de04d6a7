public import OCSP

extension Revocation {
  /// Whether it stands for ever: only certificateHold can be lifted (RFC 5280 5.3.1).
  public var isPermanent: Bool { reason != .certificateHold }
}

/// What an imported record does to what the store holds. Pure: the same rules for every store.
public enum RecordChange: Sendable, Hashable {
  case unchanged
  case insert(CertificateRecord)
  case update(CertificateRecord)
  /// The source says "good" or "on hold" of a certificate that is revoked for good: it stays revoked. With the record that
  /// results from what else the source tells (notAfter, single extensions), or nil where that is nothing new.
  case keepsRevocation(CertificateRecord?)

  /// - Parameters:
  ///   - held: what the store has; nil for a serial that is new.
  ///   - assertsStatus: false for a source that tells what was issued and nothing of revocation.
  ///
  /// Only certificateHold can be lifted (RFC 5280 5.3.1); any other revocation stands whatever a file says, since a
  /// file may be older than the revocation.
  public init(held: CertificateRecord?, incoming: CertificateRecord, assertsStatus: Bool) {
    guard let held else {
      self = .insert(incoming)
      return
    }
    var merged = incoming
    merged.notAfter = incoming.notAfter ?? held.notAfter
    // What a source does not tell is no news: an index or a CRL has no certHash, and yet there may be one.
    merged.singleExtensions = SingleExtension.merged(
      held: held.singleExtensions, incoming: incoming.singleExtensions,
      maximumOctets: CertificateRecord.maximumSingleExtensionOctets)
    if !assertsStatus {
      merged.revocation = held.revocation
    } else if let revocation = held.revocation, revocation.isPermanent {
      // Neither good nor a hold, which the next file could lift (invariant 1).
      guard let other = incoming.revocation, other.isPermanent else {
        merged.revocation = revocation
        self = .keepsRevocation(merged == held ? nil : merged)
        return
      }
      // A source without a reason knows less: reason and time that are held stand.
      if other.reason == nil, revocation.reason != nil { merged.revocation = revocation }
    }
    self = merged == held ? .unchanged : .update(merged)
  }
}

/// What an import did, in numbers.
public struct ImportSummary: Sendable, Hashable {
  public var added = 0
  public var changed = 0
  public var unchanged = 0
  /// Good or on hold in the source, revoked for good in the store, and left so.
  public var keptRevoked = 0
  /// Of these, how many have changed otherwise: their notAfter or single extensions.
  public var keptRevokedUpdated = 0
  /// The first few of them, to show.
  public var keptRevokedExamples: [SerialNumber] = []
  /// Of the added and changed ones, how many are revoked.
  public var revoked = 0
  /// The revision that the changes got; the store's latest where nothing changed.
  public var revision = Revision.zero

  public init() {}

  /// Whether any record is another one than before.
  public var hasChanges: Bool { added + changed + keptRevokedUpdated > 0 }

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
      keptRevoked += 1
      if record != nil { keptRevokedUpdated += 1 }
      if keptRevokedExamples.count < 5 { keptRevokedExamples.append(serial) }
      return record
    }
  }
}

/// What became of a request to revoke.
public enum RevocationOutcome: Sendable, Hashable {
  /// Committed under that revision.
  case revoked(Revision)
  /// It was revoked already, just so; nothing changed.
  case alreadyRevoked(Revocation)
  /// The store knows no such certificate of that issuer.
  case notIssued
}

/// How a revocation of one certificate changes its record. Pure.
public enum RevocationChange {
  /// The record afterwards, or nil where nothing changes.
  ///
  /// A second revocation may give another reason or turn a hold into a real revocation, never the other way: a hold can
  /// be lifted (invariant 1). One that is permanent replaces a hold whether or not it gives a reason. The first time stays
  /// unless a new one is given, because relying parties may have acted on it.
  public static func apply(
    _ revocation: Revocation, to held: CertificateRecord, isReasonGiven: Bool, isTimeGiven: Bool
  ) -> CertificateRecord? {
    var after = held
    if var present = held.revocation {
      if present.isPermanent, !revocation.isPermanent { return nil }
      let endsHold = !present.isPermanent && revocation.isPermanent
      if isReasonGiven || endsHold { present.reason = revocation.reason }
      if isTimeGiven { present.time = revocation.time }
      after.revocation = present
    } else {
      after.revocation = revocation
    }
    return after == held ? nil : after
  }
}
