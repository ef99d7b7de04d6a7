import CalendarTime
import OCSP
import Responder

extension MemorySession {
  func importRecords(
    issuer: StoreIssuerID, assertsStatus: Bool, source: String, at time: UnixTime,
    next: () throws -> [CertificateRecord]?
  ) throws -> ImportSummary {
    var records: [CertificateRecord] = []
    while let batch = try next() { records += batch }
    return try store.use { tables in
      var summary = ImportSummary()
      summary.revision = Revision(tables.revision.value + 1)
      tables.revision = summary.revision
      for record in records {
        let key = MemoryStore.CertificateKey(issuer: issuer, serial: record.serial)
        let change = RecordChange(
          held: tables.certificates[key]?.record, incoming: record, assertsStatus: assertsStatus)
        guard let new = summary.count(change, of: record.serial) else { continue }
        tables.write(new, issuer: issuer, revision: summary.revision, at: time)
      }
      return summary
    }
  }

  func differences(
    of listed: [CertificateRecord], issuer: StoreIssuerID, thisUpdate: UnixTime
  ) throws(StoreError) -> [CertificateRecord] {
    try store.use { tables in
      listed.filter { record in
        let held = tables.certificates[.init(issuer: issuer, serial: record.serial)]?.record
        return RecordChange(held: held, listed: record, thisUpdate: thisUpdate).isNews
      }
    }
  }

  func applyRevocationList(
    issuer: StoreIssuerID, thisUpdate: UnixTime, source: String, at time: UnixTime,
    next: () throws -> [CertificateRecord]?
  ) throws -> ImportSummary {
    var records: [CertificateRecord] = []
    while let batch = try next() { records += batch }
    return try store.use { tables in
      var summary = ImportSummary()
      let revision = Revision(tables.revision.value + 1)
      for record in records {
        let key = MemoryStore.CertificateKey(issuer: issuer, serial: record.serial)
        let change = RecordChange(held: tables.certificates[key]?.record, listed: record, thisUpdate: thisUpdate)
        guard let new = summary.count(change, of: record.serial) else { continue }
        tables.write(new, issuer: issuer, revision: revision, at: time)
        tables.revision = revision
      }
      summary.revision = tables.revision
      return summary
    }
  }

  func revoke(
    issuer: StoreIssuerID, serial: SerialNumber, revocation: Revocation, isReasonGiven: Bool, isTimeGiven: Bool,
    at time: UnixTime
  ) throws(StoreError) -> RevocationOutcome {
    try store.use { tables in
      let key = MemoryStore.CertificateKey(issuer: issuer, serial: serial)
      guard let held = tables.certificates[key] else { return .notIssued }
      let after = RevocationChange.apply(
        revocation, to: held.record, isReasonGiven: isReasonGiven, isTimeGiven: isTimeGiven)
      guard let after else { return .alreadyRevoked(held.record.revocation ?? revocation) }
      tables.revision = Revision(tables.revision.value + 1)
      tables.write(after, issuer: issuer, revision: tables.revision, at: time)
      return .revoked(tables.revision)
    }
  }
}

extension MemoryStore.Tables {
  /// Every change of a record comes by here.
  mutating func write(_ record: CertificateRecord, issuer: StoreIssuerID, revision: Revision, at time: UnixTime) {
    let key = MemoryStore.CertificateKey(issuer: issuer, serial: record.serial)
    let record = record.afterCompromise(since: compromised[issuer])
    let isWanted = PurgeRule.wantsPurge(
      held: certificates[key]?.record, written: record,
      isCachedUnissued: purgePlan.issuersCachedUnissued.contains(issuer))
    certificates[key] = .init(record: record, revision: revision)
    if isWanted { putInLine(key, at: time) }
  }
}
