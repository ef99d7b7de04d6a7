import CalendarTime
import OCSP
public import Responder
import Synchronization

/// A status store in memory: the fake beside SQLite. The contract suite runs on both, so that it cannot drift.
///
/// Any thread may use it. `fail` makes every later call throw.
public final class MemoryStore: StatusStore {
  struct CertificateKey: Hashable {
    var issuer: StoreIssuerID
    var serial: SerialNumber
  }

  struct ResponseRowKey: Hashable {
    var certificate: CertificateKey
    var hashAlgorithm: HashAlgorithm
  }

  struct PurgeKey: Hashable {
    var cache: String
    var certificate: CertificateKey
  }

  struct PurgeRow {
    var order: PurgeOrder
    /// Nil for one that was never tried.
    var notBefore: UnixTime?
  }

  struct Row {
    var record: CertificateRecord
    var revision: Revision
  }

  struct Tables {
    var revision = Revision.zero
    var issuers: [String: (id: StoreIssuerID, identity: [UInt8])] = [:]
    var certificates: [CertificateKey: Row] = [:]
    var responses: [ResponseRowKey: StoredResponse] = [:]
    var credentials: [(issuer: StoreIssuerID, credential: SigningCredential)] = []
    var compromised: [StoreIssuerID: UnixTime] = [:]
    /// In the order in which they came.
    var messages: [(message: StatusMessage, receipt: MessageReceipt, time: UnixTime)] = []
    var purgePlan = PurgePlan(caches: [], issuersCachedUnissued: [])
    var purges: [PurgeKey: PurgeRow] = [:]
    var failure: StoreError?
    var isFull = false
    var damaged: StoreIssuerID?
  }

  let tables = Mutex(Tables())
  let identity = (0..<16).map { _ in UInt8.random(in: 0...255) }

  public init() {}

  /// From here on every call throws `error`; nil ends it.
  public func fail(with error: StoreError?) {
    tables.withLock { $0.failure = error }
  }

  /// As if the disk were full: responses cannot be saved.
  public func failSaving(_ isFull: Bool) {
    tables.withLock { $0.isFull = isFull }
  }

  /// The issuer's certificates cannot be read in pages any more.
  public func damage(_ issuer: StoreIssuerID) {
    tables.withLock { $0.damaged = issuer }
  }

  public func openSession() throws(StoreError) -> any StatusStoreSession {
    MemorySession(self)
  }

  func use<Result>(_ body: (inout Tables) throws(StoreError) -> sending Result) throws(StoreError) -> sending Result {
    try tables.withLock { tables throws(StoreError) in
      if let failure = tables.failure { throw failure }
      return try body(&tables)
    }
  }
}

final class MemorySession: StatusStoreSession {
  let store: MemoryStore

  init(_ store: MemoryStore) {
    self.store = store
  }

  func issuer(name: String, identity: [UInt8]) throws(StoreError) -> StoreIssuerID {
    try store.use { tables throws(StoreError) in
      if let held = tables.issuers[name] {
        guard held.identity == identity else { throw StoreError(kind: .conflict, description: "issuer \(name)") }
        return held.id
      }
      let id = StoreIssuerID(Int64(tables.issuers.count + 1))
      tables.issuers[name] = (id, identity)
      return id
    }
  }

  func status(issuer: StoreIssuerID, serial: SerialNumber) throws(StoreError) -> StatusReading {
    try store.use { tables in
      let row = tables.certificates[.init(issuer: issuer, serial: serial)]
      return StatusReading(record: row?.record, revision: row?.revision ?? .zero, asOf: tables.revision)
    }
  }

  func storeIdentity() throws(StoreError) -> [UInt8] {
    let identity = store.identity
    return try store.use { _ in identity }
  }

  func latestRevision() throws(StoreError) -> Revision {
    try store.use { $0.revision }
  }

  func changes(after position: ChangePosition, limit: Int) throws(StoreError) -> [ChangedCertificate] {
    try store.use { tables in
      let all = tables.certificates.map {
        ChangedCertificate(issuer: $0.key.issuer, record: $0.value.record, revision: $0.value.revision)
      }
      let later = all.filter { change in
        if change.revision != position.revision { return change.revision > position.revision }
        if change.issuer != position.issuer { return change.issuer.value > position.issuer.value }
        return position.serial.map { change.record.serial > $0 } ?? true
      }
      let sorted = later.sorted {
        ($0.revision.value, $0.issuer.value) != ($1.revision.value, $1.issuer.value)
          ? ($0.revision.value, $0.issuer.value) < ($1.revision.value, $1.issuer.value)
          : $0.record.serial < $1.record.serial
      }
      return Array(sorted.prefix(limit))
    }
  }

  func serials(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [SerialNumber] {
    try store.use { tables in
      let mine = tables.certificates.keys.filter { key in
        key.issuer == issuer && (serial.map { key.serial > $0 } ?? true)
      }
      return Array(mine.map(\.serial).sorted().prefix(limit))
    }
  }

  func revisions(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [CertificateRevision] {
    try certificates(issuer: issuer, hashAlgorithm: .sha1, after: serial, limit: limit).map {
      CertificateRevision(serial: $0.record.serial, revision: $0.revision)
    }
  }

  func certificates(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [ScannedCertificate] {
    try store.use { tables throws(StoreError) in
      if tables.damaged == issuer { throw StoreError(kind: .corrupt, description: "a row of it is damaged") }
      let mine = tables.certificates.filter { entry in
        entry.key.issuer == issuer && (serial.map { entry.key.serial > $0 } ?? true)
      }
      return mine.sorted { $0.key.serial < $1.key.serial }.prefix(limit).map { key, row in
        let stored = tables.responses[.init(certificate: key, hashAlgorithm: hashAlgorithm)]
        return ScannedCertificate(
          record: row.record, revision: row.revision, response: stored?.revision == row.revision ? stored : nil)
      }
    }
  }

  func readStored(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, in range: SerialRange, limit: Int,
    _ body: (StoredRow, Span<UInt8>) -> Void
  ) throws(StoreError) -> StoredPage {
    let asOf = try latestRevision()
    let mine = try certificates(issuer: issuer, hashAlgorithm: hashAlgorithm, after: nil, limit: .max).filter {
      range.contains($0.record.serial)
    }
    for scanned in mine.prefix(limit) {
      let response = scanned.response.map {
        StoredRow.Response(times: $0.times, credential: $0.credential, digestPrefix: $0.digestPrefix)
      }
      let signature = scanned.response?.signature ?? []
      body(StoredRow(record: scanned.record, revision: scanned.revision, response: response), signature.span)
    }
    return StoredPage(asOf: asOf, last: mine.prefix(limit).last?.record.serial, isLast: mine.count < limit)
  }

  func response(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, serial: SerialNumber
  ) throws(StoreError) -> StoredResponse? {
    try store.use { tables in
      let key = MemoryStore.CertificateKey(issuer: issuer, serial: serial)
      let stored = tables.responses[.init(certificate: key, hashAlgorithm: hashAlgorithm)]
      return stored?.revision == tables.certificates[key]?.revision ? stored : nil
    }
  }

  func serialsOnHold(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [SerialNumber] {
    try store.use { tables in
      let mine = tables.certificates.filter { key, row in
        key.issuer == issuer && (serial.map { key.serial > $0 } ?? true)
          && row.record.revocation.map { !$0.isPermanent } ?? false
      }
      return Array(mine.map(\.key.serial).sorted().prefix(limit))
    }
  }

  func counts(issuer: StoreIssuerID) throws(StoreError) -> (certificates: Int, revoked: Int) {
    try store.use { tables in
      let mine = tables.certificates.filter { $0.key.issuer == issuer }
      return (mine.count, mine.filter { $0.value.record.revocation != nil }.count)
    }
  }
}
