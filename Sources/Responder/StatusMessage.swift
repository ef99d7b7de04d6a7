public import CalendarTime
public import OCSP

/// What a CA tells of its certificates in one message, which is taken whole or not at all.
public struct StatusMessage: Sendable, Hashable {
  public enum Statement: Sendable, Hashable {
    /// They are revoked, or on hold. A serial that was not on record was issued all the same.
    case revoked([CertificateRecord])
    /// They were issued; nothing is said of their status.
    case issued([CertificateRecord])
    /// They are on hold no longer since that time (removeFromCRL, RFC 5280 5.3.1).
    case released([SerialNumber], at: UnixTime)
    /// The CA's key is in other hands since that time: none of its certificates can be relied on (RFC 6960 2.7), those that
    /// are told of later included.
    case issuerCompromised(since: UnixTime)
  }

  /// The name by which a message is known when it comes again; unique in the whole store.
  public var id: String
  /// Of what it says: another message under the same name is found out.
  public var digest: ResponseDigest
  public var issuer: StoreIssuerID
  public var statement: Statement

  public init(id: String, digest: ResponseDigest, issuer: StoreIssuerID, statement: Statement) {
    self.id = id
    self.digest = digest
    self.issuer = issuer
    self.statement = statement
  }

  /// Certificates that are named.
  public var certificateCount: Int {
    switch statement {
    case .revoked(let records), .issued(let records): records.count
    case .released(let serials, _): serials.count
    case .issuerCompromised: 0
    }
  }

  /// In a few words, for the list of events.
  public var summary: String {
    switch statement {
    case .revoked(let records): "\(records.count) revoked"
    case .issued(let records): "\(records.count) issued"
    case .released(let serials, _): "\(serials.count) released"
    case .issuerCompromised(let time): "issuer compromised since \(time.iso8601)"
    }
  }
}

/// What a message did.
public struct MessageReceipt: Sendable, Hashable {
  /// Of its changes; where there are none, of the newest change before it.
  public var revision: Revision
  /// Certificates whose record is another one than before.
  public var changed: Int
  /// Certificates of which everything was known.
  public var unchanged: Int

  public init(revision: Revision, changed: Int, unchanged: Int) {
    self.revision = revision
    self.changed = changed
    self.unchanged = unchanged
  }
}

/// What became of a message.
public enum MessageOutcome: Sendable, Hashable {
  case taken(MessageReceipt)
  /// It was taken before, and this is what it did then.
  case repeated(MessageReceipt)
  /// It says what cannot be, so that nothing of it was taken.
  case contradicted(MessageContradiction)
  /// Another message was taken under its name.
  case idTaken
}

/// What a message says of a certificate and cannot be.
public struct MessageContradiction: Error, Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// Released, and never issued.
    case notIssued
    /// Released, and revoked for good.
    case revokedForGood(Revocation)
    /// Released, and put on hold after that: the messages came in another order.
    case heldLater(Revocation)
  }

  /// Among the certificates of the message.
  public var place: Int
  public var serial: SerialNumber
  public var kind: Kind

  public init(place: Int, serial: SerialNumber, kind: Kind) {
    self.place = place
    self.serial = serial
    self.kind = kind
  }
}

extension RecordChange {
  /// What is to be written; nil where nothing is.
  public var record: CertificateRecord? {
    switch self {
    case .unchanged: nil
    case .insert(let record), .update(let record): record
    case .keepsRevocation(let record), .keepsGraver(let record): record
    }
  }

  /// What the release of a certificate does to what the store holds of it.
  ///
  /// - Parameters:
  ///   - time: since when it is on hold no longer.
  ///   - place: of the certificate in the message.
  public static func release(
    _ serial: SerialNumber, held: CertificateRecord?, at time: UnixTime, place: Int
  ) throws(MessageContradiction) -> RecordChange {
    guard let held else { throw MessageContradiction(place: place, serial: serial, kind: .notIssued) }
    guard let revocation = held.revocation else { return .unchanged }
    guard !revocation.isPermanent else {
      throw MessageContradiction(place: place, serial: serial, kind: .revokedForGood(revocation))
    }
    guard revocation.time <= time else {
      throw MessageContradiction(place: place, serial: serial, kind: .heldLater(revocation))
    }
    return RecordChange(held: held, incoming: CertificateRecord(serial: serial, notAfter: nil), assertsStatus: true)
  }

  /// What the end of its CA does to a certificate: caCompromise, since `time` or earlier.
  public static func compromise(held: CertificateRecord, since time: UnixTime) -> RecordChange {
    let revocation = Revocation(time: time, reason: .caCompromise)
    return RecordChange(
      held: held, incoming: CertificateRecord(serial: held.serial, notAfter: nil, revocation: revocation),
      assertsStatus: true)
  }
}

extension CertificateRecord {
  /// The record as it is kept where the issuer is compromised since `time`: revoked for good, one way or another.
  public func afterCompromise(since time: UnixTime?) -> CertificateRecord {
    guard let time, revocation?.isPermanent != true else { return self }
    var record = self
    record.revocation = Revocation(time: min(time, revocation?.time ?? time), reason: .caCompromise)
    return record
  }
}
