public import CalendarTime
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
  /// The source gives a lesser reason or a later time of a revocation: the graver and the earlier one stand. With the record
  /// that results from what else it tells, or nil where that is nothing new.
  case keepsGraver(CertificateRecord?)

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
    let outcome =
      assertsStatus
      ? RevocationMerge(held: held.revocation, incoming: incoming.revocation)
      : RevocationMerge(revocation: held.revocation)
    merged.revocation = outcome.revocation
    // It told of the revocation (RFC 5280 5.3.2), which is no more.
    if assertsStatus, merged.revocation == nil {
      merged.singleExtensions = SingleExtension.removing(ObjectIdentifier.invalidityDate, from: merged.singleExtensions)
    }
    let news = merged == held ? nil : merged
    switch outcome.kept {
    case .nothing: self = news.map { .update($0) } ?? .unchanged
    case .revocation: self = .keepsRevocation(news)
    case .graver: self = .keepsGraver(news)
    }
  }
}

extension RecordChange {
  /// Whether a store has something to write for it.
  public var isNews: Bool {
    switch self {
    case .insert, .update: true
    case .unchanged: false
    case .keepsRevocation(let record), .keepsGraver(let record): record != nil
    }
  }

  /// - Parameters:
  ///   - held: what the store has; nil for a serial that is new.
  ///   - listed: what a CRL says; without a revocation it lifts a hold, and says nothing else.
  ///   - thisUpdate: as of when the CRL speaks.
  public init(held: CertificateRecord?, listed: CertificateRecord, thisUpdate: UnixTime) {
    guard listed.revocation == nil else {
      self.init(held: held, incoming: listed, assertsStatus: true)
      return
    }
    guard let held, let revocation = held.revocation else {
      self = .unchanged
      return
    }
    if revocation.isPermanent {
      self = .keepsRevocation(nil)
    } else if revocation.time > thisUpdate {
      // Put on hold since the CRL was made, which cannot know of it.
      self = .unchanged
    } else {
      self.init(held: held, incoming: listed, assertsStatus: true)
    }
  }
}

/// What becomes of a held revocation under what a source says of it.
private struct RevocationMerge {
  enum Kept {
    case nothing
    /// The revocation itself, against "good" or a hold.
    case revocation
    /// Its reason or its time, against lesser or later ones.
    case graver
  }

  var revocation: Revocation?
  var kept = Kept.nothing

  init(revocation: Revocation?) {
    self.revocation = revocation
  }

  init(held: Revocation?, incoming: Revocation?) {
    revocation = incoming
    guard let held else { return }
    guard var merged = incoming, merged.isPermanent || !held.isPermanent else {
      // Neither good nor a hold, which the next file could lift (invariant 1).
      if held.isPermanent { (revocation, kept) = (held, .revocation) }
      return
    }
    // Revocations may be back-dated, and relying parties may have acted on the time that was said.
    if held.time < merged.time { (merged.time, kept) = (held.time, .graver) }
    if held.isPermanent, held.reason != nil {
      if !merged.isReasonKnown {
        // A source without a reason knows less, and contradicts nothing.
        merged.reason = held.reason
      } else if held.isCompromise, merged.reason != held.reason {
        (merged.reason, kept) = (held.reason, .graver)
      }
    }
    revocation = merged
  }
}

extension Revocation {
  /// `unspecified` says as much as no reason at all (RFC 5280 5.3.1).
  fileprivate var isReasonKnown: Bool { reason != nil && reason != .unspecified }

  /// Whether signatures made before the revocation are in doubt too, which no later file may play down.
  fileprivate var isCompromise: Bool {
    switch reason {
    case .keyCompromise, .caCompromise, .aaCompromise: true
    default: false
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
