import CalendarTime
import OCSP
import Responder
import TestSupport

/// A store with one issuer and a plan, and short words for what the tests of purges do with it.
struct StoredLine {
  let session: any StatusStoreSession
  let issuer: StoreIssuerID

  static func use(
    _ kind: StatusStoreContractTests.Kind, caches: Set<String> = ["a"], _ body: (StoredLine) throws -> Void
  ) throws {
    try kind.open { store in
      let session = try store.openSession()
      let line = StoredLine(session: session, issuer: try session.issuer(name: "one", identity: [1]))
      try line.plan(caches)
      try body(line)
    }
  }

  @discardableResult
  func plan(_ caches: Set<String>, unissued: Set<StoreIssuerID> = []) throws -> PurgePlanChange {
    try session.setPurgePlan(PurgePlan(caches: caches, issuersCachedUnissued: unissued))
  }

  // MARK: - Changes

  func add(_ records: [CertificateRecord], issuer other: StoreIssuerID? = nil, at time: UnixTime = Sample.start) throws
  {
    var batches = [records][...]
    _ = try session.importRecords(
      issuer: other ?? issuer, assertsStatus: true, source: "a test", at: time, next: { batches.popFirst() })
  }

  func apply(_ records: [CertificateRecord], at time: UnixTime = Sample.start) throws {
    var batches = [records][...]
    _ = try session.applyRevocationList(
      issuer: issuer, thisUpdate: time, source: "a test", at: time, next: { batches.popFirst() })
  }

  func revoke(_ number: Int, _ reason: RevocationReason = .keyCompromise, at time: UnixTime = Sample.start) throws {
    _ = try session.revoke(
      issuer: issuer, serial: Sample.serial(number), revocation: Revocation(time: Sample.start, reason: reason),
      isReasonGiven: true, isTimeGiven: false, at: time)
  }

  func take(_ statement: StatusMessage.Statement, at time: UnixTime = Sample.start) throws {
    let id = "\(try session.latestRevision().value)"
    let digest = ResponseDigest(octets: [UInt8](repeating: 0, count: 32))
    _ = try session.take([StatusMessage(id: id, digest: digest, issuer: issuer, statement: statement)], at: time)
  }

  // MARK: - The line

  func new(_ cache: String = "a", limit: Int = 10_000) throws -> [PurgeOrder] {
    try session.newPurges(for: cache, limit: limit)
  }

  func due(at time: UnixTime, limit: Int = 10_000) throws -> [PurgeOrder] {
    try session.duePurges(for: "a", at: time, limit: limit)
  }

  func hurry(to time: UnixTime, _ cache: String = "a") throws {
    try session.hurryPurges(of: cache, to: time)
  }

  func settle(_ outcomes: [PurgeOutcome], _ cache: String = "a") throws {
    try session.settlePurges(outcomes, for: cache)
  }

  func order(
    _ number: Int, revision: Revision, since: UnixTime = Sample.start, isRevocation: Bool = false
  ) -> PurgeOrder {
    PurgeOrder(
      issuer: issuer, serial: Sample.serial(number), revision: revision, since: since, isRevocation: isRevocation)
  }
}
