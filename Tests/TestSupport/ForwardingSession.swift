import CalendarTime
import OCSP
import Responder

/// A session that passes every call on, after asking `beforeScan` in front of a scan.
final class ForwardingSession: StatusStoreSession {
  private let inner: any StatusStoreSession
  private let beforeScan: () throws(StoreError) -> Void

  init(_ inner: any StatusStoreSession, beforeScan: @escaping () throws(StoreError) -> Void) {
    self.inner = inner
    self.beforeScan = beforeScan
  }

  func serials(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [SerialNumber] {
    try beforeScan()
    return try inner.serials(issuer: issuer, after: serial, limit: limit)
  }

  func revisions(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [CertificateRevision] {
    try beforeScan()
    return try inner.revisions(issuer: issuer, after: serial, limit: limit)
  }

  func certificates(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [ScannedCertificate] {
    try beforeScan()
    return try inner.certificates(issuer: issuer, hashAlgorithm: hashAlgorithm, after: serial, limit: limit)
  }

  func readStored(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, in range: SerialRange, limit: Int,
    _ body: (StoredRow, Span<UInt8>) -> Void
  ) throws(StoreError) -> StoredPage {
    try beforeScan()
    return try inner.readStored(issuer: issuer, hashAlgorithm: hashAlgorithm, in: range, limit: limit, body)
  }

  func issuer(name: String, identity: [UInt8]) throws(StoreError) -> StoreIssuerID {
    try inner.issuer(name: name, identity: identity)
  }

  func status(issuer: StoreIssuerID, serial: SerialNumber) throws(StoreError) -> StatusReading {
    try inner.status(issuer: issuer, serial: serial)
  }

  func storeIdentity() throws(StoreError) -> [UInt8] { try inner.storeIdentity() }

  func latestRevision() throws(StoreError) -> Revision { try inner.latestRevision() }

  func changes(after position: ChangePosition, limit: Int) throws(StoreError) -> [ChangedCertificate] {
    try inner.changes(after: position, limit: limit)
  }

  func response(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, serial: SerialNumber
  ) throws(StoreError) -> StoredResponse? {
    try inner.response(issuer: issuer, hashAlgorithm: hashAlgorithm, serial: serial)
  }

  func credential(_ credential: SigningCredential, issuer: StoreIssuerID) throws(StoreError) -> StoreCredentialID {
    try inner.credential(credential, issuer: issuer)
  }

  func credentials(
    issuer: StoreIssuerID, endingAfter time: UnixTime
  ) throws(StoreError) -> [(id: StoreCredentialID, credential: SigningCredential)] {
    try inner.credentials(issuer: issuer, endingAfter: time)
  }

  func responsesDue(
    issuer: StoreIssuerID, at time: UnixTime, order: RenewalOrder, limit: Int
  ) throws(StoreError) -> [DueResponse] {
    try inner.responsesDue(issuer: issuer, at: time, order: order, limit: limit)
  }

  func renewals(issuer: StoreIssuerID, until time: UnixTime) throws(StoreError) -> Int {
    try inner.renewals(issuer: issuer, until: time)
  }

  func firstRenewal(issuer: StoreIssuerID) throws(StoreError) -> UnixTime? {
    try inner.firstRenewal(issuer: issuer)
  }

  func endings(issuer: StoreIssuerID, after start: UnixTime, until end: UnixTime) throws(StoreError) -> Int {
    try inner.endings(issuer: issuer, after: start, until: end)
  }

  func firstEnd(issuer: StoreIssuerID, after time: UnixTime) throws(StoreError) -> UnixTime? {
    try inner.firstEnd(issuer: issuer, after: time)
  }

  func save(_ responses: [StoredResponse], at time: UnixTime) throws(StoreError) {
    try inner.save(responses, at: time)
  }

  func removeResponses(issuer: StoreIssuerID, serials: [SerialNumber]) throws(StoreError) {
    try inner.removeResponses(issuer: issuer, serials: serials)
  }

  func importRecords(
    issuer: StoreIssuerID, assertsStatus: Bool, source: String, at time: UnixTime,
    next: () throws -> [CertificateRecord]?
  ) throws -> ImportSummary {
    try inner.importRecords(issuer: issuer, assertsStatus: assertsStatus, source: source, at: time, next: next)
  }

  func take(_ messages: [StatusMessage], at time: UnixTime) throws(StoreError) -> [MessageOutcome] {
    try inner.take(messages, at: time)
  }

  func forgetMessages(before time: UnixTime) throws(StoreError) -> Int { try inner.forgetMessages(before: time) }

  func differences(
    of listed: [CertificateRecord], issuer: StoreIssuerID, thisUpdate: UnixTime
  ) throws(StoreError) -> [CertificateRecord] {
    try inner.differences(of: listed, issuer: issuer, thisUpdate: thisUpdate)
  }

  func applyRevocationList(
    issuer: StoreIssuerID, thisUpdate: UnixTime, source: String, at time: UnixTime,
    next: () throws -> [CertificateRecord]?
  ) throws -> ImportSummary {
    try inner.applyRevocationList(issuer: issuer, thisUpdate: thisUpdate, source: source, at: time, next: next)
  }

  func serialsOnHold(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [SerialNumber] {
    try inner.serialsOnHold(issuer: issuer, after: serial, limit: limit)
  }

  func revoke(
    issuer: StoreIssuerID, serial: SerialNumber, revocation: Revocation, isReasonGiven: Bool, isTimeGiven: Bool,
    at time: UnixTime
  ) throws(StoreError) -> RevocationOutcome {
    try inner.revoke(
      issuer: issuer, serial: serial, revocation: revocation, isReasonGiven: isReasonGiven, isTimeGiven: isTimeGiven,
      at: time)
  }

  func setPurgePlan(_ plan: PurgePlan) throws(StoreError) -> PurgePlanChange { try inner.setPurgePlan(plan) }

  func newPurges(for cache: String, limit: Int) throws(StoreError) -> [PurgeOrder] {
    try inner.newPurges(for: cache, limit: limit)
  }

  func duePurges(for cache: String, at time: UnixTime, limit: Int) throws(StoreError) -> [PurgeOrder] {
    try inner.duePurges(for: cache, at: time, limit: limit)
  }

  func nextDuePurge(for cache: String) throws(StoreError) -> UnixTime? { try inner.nextDuePurge(for: cache) }

  func hurryPurges(of cache: String, to time: UnixTime) throws(StoreError) {
    try inner.hurryPurges(of: cache, to: time)
  }

  func settlePurges(_ outcomes: [PurgeOutcome], for cache: String) throws(StoreError) {
    try inner.settlePurges(outcomes, for: cache)
  }

  func purgeBacklog(of cache: String) throws(StoreError) -> PurgeBacklog { try inner.purgeBacklog(of: cache) }

  func orderPurges(issuer: StoreIssuerID, serials: [SerialNumber], at time: UnixTime) throws(StoreError) -> Int {
    try inner.orderPurges(issuer: issuer, serials: serials, at: time)
  }

  func counts(issuer: StoreIssuerID) throws(StoreError) -> (certificates: Int, revoked: Int) {
    try inner.counts(issuer: issuer)
  }
}
