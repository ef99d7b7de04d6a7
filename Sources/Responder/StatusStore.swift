public import CalendarTime
public import OCSP

/// The number under which a store keeps an issuer; it outlives the process, unlike `IssuerIndex`.
public struct StoreIssuerID: Sendable, Hashable {
  public var value: Int64

  public init(_ value: Int64) {
    self.value = value
  }
}

/// The durable record of what was issued and revoked, and of the signatures already made.
///
/// Any thread may open a session; a session belongs to the thread that uses it.
public protocol StatusStore: Sendable {
  func openSession() throws(StoreError) -> any StatusStoreSession
}

/// One thread's way into the status store. Every call blocks, and every one of them uses an index.
public protocol StatusStoreSession: AnyObject {
  /// The number of the issuer of that name, which is created where it is missing.
  ///
  /// - Parameter identity: what makes it the same CA whatever its certificate: SHA-256 over subject and public key.
  ///   A name that stands for another identity is `StoreError.Kind.conflict`.
  func issuer(name: String, identity: [UInt8]) throws(StoreError) -> StoreIssuerID

  /// What tells this store from every other one, wherever it is moved: 16 octets, made once at random.
  func storeIdentity() throws(StoreError) -> [UInt8]

  /// What is recorded of one certificate, and how recent that knowledge is, from one snapshot.
  func status(issuer: StoreIssuerID, serial: SerialNumber) throws(StoreError) -> StatusReading

  /// The revision of the newest committed change.
  func latestRevision() throws(StoreError) -> Revision

  /// Certificates changed after `position`, in the order of revision, issuer and serial; at most `limit`.
  func changes(after position: ChangePosition, limit: Int) throws(StoreError) -> [ChangedCertificate]

  /// The serials of an issuer's certificates in their order; at most `limit`, after `serial`.
  func serials(issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int) throws(StoreError) -> [SerialNumber]

  /// The same with the revision of each.
  func revisions(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [CertificateRevision]

  /// Certificates of an issuer in the order of their serials, each with its stored response for `hashAlgorithm` where
  /// that was built from the row's present revision; at most `limit`, after `serial`.
  func certificates(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [ScannedCertificate]

  /// Gives `body` the certificates of a range in the order of their serials, at most `limit`, each with what is stored of
  /// its response and the response's signature, which is empty where there is none: all from one snapshot.
  func readStored(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, in range: SerialRange, limit: Int,
    _ body: (StoredRow, Span<UInt8>) -> Void
  ) throws(StoreError) -> StoredPage

  /// The stored response for one question, where it was built from the certificate's present revision.
  func response(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, serial: SerialNumber
  ) throws(StoreError) -> StoredResponse?

  /// The number of that credential of the issuer, which is kept where it is new. One that is there but for its dates
  /// keeps its number and takes them, as `SigningCredential.renewed` says.
  func credential(_ credential: SigningCredential, issuer: StoreIssuerID) throws(StoreError) -> StoreCredentialID

  /// The issuer's credentials whose certificates end after `time`: those that stored responses may be signed with.
  func credentials(
    issuer: StoreIssuerID, endingAfter time: UnixTime
  ) throws(StoreError) -> [(id: StoreCredentialID, credential: SigningCredential)]

  /// The issuer's stored responses whose planned renewal has come, each with its certificate's record; at most `limit`.
  func responsesDue(
    issuer: StoreIssuerID, at time: UnixTime, order: RenewalOrder, limit: Int
  ) throws(StoreError) -> [DueResponse]

  /// How many of the issuer's stored responses are planned to be renewed by `time`.
  func renewals(issuer: StoreIssuerID, until time: UnixTime) throws(StoreError) -> Int

  /// When the first of the issuer's stored responses is planned to be renewed; nil where there is none.
  func firstRenewal(issuer: StoreIssuerID) throws(StoreError) -> UnixTime?

  /// How many of the issuer's stored responses end later than `start` and not later than `end`.
  func endings(issuer: StoreIssuerID, after start: UnixTime, until end: UnixTime) throws(StoreError) -> Int

  /// When the first of the issuer's stored responses ends that has not ended at `time`; nil where there is none.
  func firstEnd(issuer: StoreIssuerID, after time: UnixTime) throws(StoreError) -> UnixTime?

  /// Keeps responses, in one transaction. One of an older revision than what is there is left out (invariant 1), and so
  /// is an older one of the same revision, unless the one that is there was made by a clock that was ahead of `time`.
  func save(_ responses: [StoredResponse], at time: UnixTime) throws(StoreError)

  /// Forgets the stored responses of certificates that are no longer answered for, in one transaction.
  func removeResponses(issuer: StoreIssuerID, serials: [SerialNumber]) throws(StoreError)

  /// Takes records in, all or none. `next` gives batches until it gives nil; its error undoes everything.
  ///
  /// - Parameter assertsStatus: false for a source that tells what was issued and nothing of revocation.
  func importRecords(
    issuer: StoreIssuerID, assertsStatus: Bool, source: String, at time: UnixTime,
    next: () throws -> [CertificateRecord]?
  ) throws -> ImportSummary

  /// Which of these records of a CRL would change what is recorded, as one snapshot has it. Keeps nobody from writing.
  func differences(
    of listed: [CertificateRecord], issuer: StoreIssuerID, thisUpdate: UnixTime
  ) throws(StoreError) -> [CertificateRecord]

  /// Takes in what a CRL says, all or none. Where nothing of it is new, nothing is written and no revision is taken.
  ///
  /// - Parameters:
  ///   - thisUpdate: as of when the CRL speaks: a hold that is newer is not lifted by it.
  ///   - next: gives batches until it gives nil; its error undoes everything. A record without a revocation lifts a hold, and
  ///     does nothing else: a CRL does not say that a certificate was issued.
  func applyRevocationList(
    issuer: StoreIssuerID, thisUpdate: UnixTime, source: String, at time: UnixTime,
    next: () throws -> [CertificateRecord]?
  ) throws -> ImportSummary

  /// The issuer's certificates on hold in the order of their serials; at most `limit`, after `serial`.
  func serialsOnHold(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [SerialNumber]

  /// Records a revocation durably: when this returns, the commit has reached the disk (invariant 2).
  func revoke(
    issuer: StoreIssuerID, serial: SerialNumber, revocation: Revocation, isReasonGiven: Bool, isTimeGiven: Bool,
    at time: UnixTime
  ) throws(StoreError) -> RevocationOutcome

  /// Takes messages in one transaction: when this returns, all of them have reached the disk (invariant 2). Each stands for
  /// itself: what is wrong with one keeps out no other. Certificates that one message names twice are taken in order.
  ///
  /// - Returns: what became of each, in their order.
  func take(_ messages: [StatusMessage], at time: UnixTime) throws(StoreError) -> [MessageOutcome]

  /// Forgets messages that were taken before `time`, some of the oldest at a time: one that comes again after that is taken
  /// for a new one. Gives how many were forgotten.
  func forgetMessages(before time: UnixTime) throws(StoreError) -> Int

  /// From here on changes are put in line for these caches and no others, whichever process commits them. What waits for one
  /// that is not named any more is dropped. Gives what is another than before.
  ///
  /// A change is put in line where an answer may be in a cache that it contradicts: the certificate was on record, and its
  /// status or single extensions are others; or it is new, and its issuer one of `issuersCachedUnissued`.
  func setPurgePlan(_ plan: PurgePlan) throws(StoreError) -> PurgePlanChange

  /// Orders of a cache that wait for their first try: revocations first, and of those the newest revision first.
  func newPurges(for cache: String, limit: Int) throws(StoreError) -> [PurgeOrder]

  /// Orders of a cache that were put off, and whose time has come: what was put off till the earliest time first.
  func duePurges(for cache: String, at time: UnixTime, limit: Int) throws(StoreError) -> [PurgeOrder]

  /// When the first order of a cache comes due that was put off; nil where there is none.
  func nextDuePurge(for cache: String) throws(StoreError) -> UnixTime?

  /// Has every order of a cache that is put off to a time after `time` come due at `time`: a clock that was ahead when an
  /// order was put off does not keep it for as long as it was ahead.
  func hurryPurges(of cache: String, to time: UnixTime) throws(StoreError)

  /// Notes what became of orders, in one transaction. An order that a newer change wants stays as that has put it in line.
  ///
  /// It waits for nobody: where another connection writes it throws `.busy` at once, and nothing is noted.
  func settlePurges(_ outcomes: [PurgeOutcome], for cache: String) throws(StoreError)

  /// How much waits for a cache, under way included.
  func purgeBacklog(of cache: String) throws(StoreError) -> PurgeBacklog

  /// Puts certificates in line for all caches of the plan, whatever has changed, in one transaction; `revision` is that of
  /// each one's record. Gives how many orders there are of them now.
  func orderPurges(issuer: StoreIssuerID, serials: [SerialNumber], at time: UnixTime) throws(StoreError) -> Int

  /// How many certificates of an issuer there are, and how many of them are revoked.
  func counts(issuer: StoreIssuerID) throws(StoreError) -> (certificates: Int, revoked: Int)
}

/// A certificate's record as one snapshot of the store had it.
public struct StatusReading: Sendable, Hashable {
  /// Nil for a serial that was never issued.
  public var record: CertificateRecord?
  /// The revision of the row; zero where there is none.
  public var revision: Revision
  /// The newest change that the snapshot had seen.
  public var asOf: Revision

  public init(record: CertificateRecord?, revision: Revision, asOf: Revision) {
    self.record = record
    self.revision = revision
    self.asOf = asOf
  }
}

/// Where a reader of changes stopped. One transaction gives many rows the same revision.
public struct ChangePosition: Sendable, Hashable {
  public var revision: Revision
  public var issuer: StoreIssuerID
  public var serial: SerialNumber?

  /// After everything of `revision`.
  public init(after revision: Revision) {
    self.revision = revision
    issuer = StoreIssuerID(.max)
    serial = nil
  }

  public init(revision: Revision, issuer: StoreIssuerID, serial: SerialNumber) {
    self.revision = revision
    self.issuer = issuer
    self.serial = serial
  }
}

public struct ChangedCertificate: Sendable, Hashable {
  public var issuer: StoreIssuerID
  public var record: CertificateRecord
  public var revision: Revision

  public init(issuer: StoreIssuerID, record: CertificateRecord, revision: Revision) {
    self.issuer = issuer
    self.record = record
    self.revision = revision
  }
}

/// Which revision a certificate's record has.
public struct CertificateRevision: Sendable, Hashable {
  public var serial: SerialNumber
  public var revision: Revision

  public init(serial: SerialNumber, revision: Revision) {
    self.serial = serial
    self.revision = revision
  }
}

public struct ScannedCertificate: Sendable, Hashable {
  public var record: CertificateRecord
  public var revision: Revision
  public var response: StoredResponse?

  public init(record: CertificateRecord, revision: Revision, response: StoredResponse?) {
    self.record = record
    self.revision = revision
    self.response = response
  }
}

/// What a restart needs to serve an answer again without signing it: everything else of the response follows from the
/// certificate's record, the issuer's policy and the credential, and the digest proves that it did.
public struct StoredResponse: Sendable, Hashable {
  public var issuer: StoreIssuerID
  public var hashAlgorithm: HashAlgorithm
  public var serial: SerialNumber
  public var revision: Revision
  public var times: AnswerTimes
  public var credential: StoreCredentialID
  public var signature: [UInt8]
  /// The first eight octets of the response's SHA-256.
  public var digestPrefix: UInt64

  public init(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, serial: SerialNumber, revision: Revision, times: AnswerTimes,
    credential: StoreCredentialID, signature: [UInt8], digestPrefix: UInt64
  ) {
    self.issuer = issuer
    self.hashAlgorithm = hashAlgorithm
    self.serial = serial
    self.revision = revision
    self.times = times
    self.credential = credential
    self.signature = signature
    self.digestPrefix = digestPrefix
  }
}

/// In which order responses are renewed.
public enum RenewalOrder: Sendable, Hashable {
  /// The oldest plan first: the ordinary course of things.
  case plan
  /// What ends first: where more is due than can be signed, after an outage. Quick only where nearly all is due.
  case end
}

/// A stored response to be renewed, and what is recorded of its certificate.
public struct DueResponse: Sendable, Hashable {
  public var hashAlgorithm: HashAlgorithm
  public var serial: SerialNumber
  public var nextUpdate: UnixTime
  public var reading: StatusReading

  public init(hashAlgorithm: HashAlgorithm, serial: SerialNumber, nextUpdate: UnixTime, reading: StatusReading) {
    self.hashAlgorithm = hashAlgorithm
    self.serial = serial
    self.nextUpdate = nextUpdate
    self.reading = reading
  }
}

/// Why the store could not do what was asked.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// Another process holds the database longer than we wait.
    case busy
    /// No space left on the device.
    case full
    /// The file is no database, a damaged one, or one of another program or version.
    case corrupt
    /// It cannot be opened, read or written.
    case inaccessible
    /// A name that already stands for something else.
    case conflict
    /// A mistake of this program.
    case misuse
  }

  public var kind: Kind
  /// Names the database file and what was expected.
  public var description: String

  public init(kind: Kind, description: String) {
    self.kind = kind
    self.description = description
  }
}
