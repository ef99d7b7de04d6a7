import CalendarTime
import OCSP
import Responder

extension SQLiteSession {
  func importRecords(
    issuer: StoreIssuerID, assertsStatus: Bool, source: String, at time: UnixTime,
    next: () throws -> [CertificateRecord]?
  ) throws -> ImportSummary {
    try setCache(kibibytes: SQLiteSession.importCacheKibibytes)
    defer { _ = try? setCache(kibibytes: SQLiteSession.cacheKibibytes) }
    return try connection.transaction {
      let revision = try takeRevision()
      var summary = ImportSummary()
      while let batch = try next() {
        for record in batch {
          try take(record, issuer: issuer, assertsStatus: assertsStatus, revision: revision, summary: &summary)
        }
      }
      // The revision is taken all the same: numbers are plenty, and a gap in them means nothing.
      summary.revision = revision
      if summary.hasChanges {
        try addEvent(
          at: time, issuer: issuer, revision: revision,
          what: "import of \(source): \(summary.added) added, \(summary.updated) changed")
      }
      return summary
    }
  }

  private func take(
    _ incoming: CertificateRecord, issuer: StoreIssuerID, assertsStatus: Bool, revision: Revision,
    summary: inout ImportSummary
  ) throws(StoreError) {
    let held = try status(issuer: issuer, serial: incoming.serial).record
    let change = RecordChange(held: held, incoming: incoming, assertsStatus: assertsStatus)
    guard let record = summary.count(change, of: incoming.serial) else { return }
    try write(record, issuer: issuer, revision: revision)
  }

  func differences(
    of listed: [CertificateRecord], issuer: StoreIssuerID, thisUpdate: UnixTime
  ) throws(StoreError) -> [CertificateRecord] {
    // A snapshot for all of them: taking one for each costs as much as the look itself.
    try connection.execute("BEGIN")
    defer { _ = try? connection.execute("COMMIT") }
    var found: [CertificateRecord] = []
    for record in listed {
      let held = try status(issuer: issuer, serial: record.serial).record
      if RecordChange(held: held, listed: record, thisUpdate: thisUpdate).isNews { found.append(record) }
    }
    return found
  }

  func applyRevocationList(
    issuer: StoreIssuerID, thisUpdate: UnixTime, source: String, at time: UnixTime,
    next: () throws -> [CertificateRecord]?
  ) throws -> ImportSummary {
    try setCache(kibibytes: SQLiteSession.importCacheKibibytes)
    defer { _ = try? setCache(kibibytes: SQLiteSession.cacheKibibytes) }
    return try connection.transaction {
      var taken: Revision?
      var summary = ImportSummary()
      while let batch = try next() {
        for listed in batch {
          let held = try status(issuer: issuer, serial: listed.serial).record
          let change = RecordChange(held: held, listed: listed, thisUpdate: thisUpdate)
          guard let record = summary.count(change, of: listed.serial) else { continue }
          let revision = try taken ?? takeRevision()
          taken = revision
          try write(record, issuer: issuer, revision: revision)
        }
      }
      summary.revision = try taken ?? latestRevision()
      if taken != nil {
        try addEvent(
          at: time, issuer: issuer, revision: summary.revision,
          what: "\(source): \(summary.added) added, \(summary.updated) changed")
      }
      return summary
    }
  }

  func revoke(
    issuer: StoreIssuerID, serial: SerialNumber, revocation: Revocation, isReasonGiven: Bool, isTimeGiven: Bool,
    at time: UnixTime
  ) throws(StoreError) -> RevocationOutcome {
    try connection.storeTransaction { () throws(StoreError) in
      guard let held = try status(issuer: issuer, serial: serial).record else { return .notIssued }
      let after = RevocationChange.apply(
        revocation, to: held, isReasonGiven: isReasonGiven, isTimeGiven: isTimeGiven)
      guard let after else { return .alreadyRevoked(held.revocation ?? revocation) }
      let revision = try takeRevision()
      try write(after, issuer: issuer, revision: revision)
      let reason = after.revocation?.reason?.name ?? "no reason"
      try addEvent(at: time, issuer: issuer, revision: revision, what: "revoked \(serial): \(reason)")
      return .revoked(revision)
    }
  }

  func takeRevision() throws(StoreError) -> Revision {
    let statement = statements.nextRevision
    defer { statement.reset() }
    guard try statement.step() else {
      throw StoreError(kind: .corrupt, description: "database \(connection.path): the table 'state' is empty")
    }
    let revision = try revision(in: statement, column: 0, of: "state")
    // RETURNING gives its row first and ends the statement only when stepped again.
    while try statement.step() {}
    return revision
  }

  func write(_ record: CertificateRecord, issuer: StoreIssuerID, revision: Revision) throws(StoreError) {
    // Whoever tells of it: of an issuer that is compromised nothing is good any more.
    let record = record.afterCompromise(since: try compromise(of: issuer))
    // What could not be read again would keep every reader from what follows.
    for time in [record.notAfter, record.revocation?.time].compactMap({ $0 }) {
      guard SQLiteSession.possibleTimes.contains(time.seconds) else {
        throw StoreError(
          kind: .misuse,
          description: "database \(connection.path): certificate \(record.serial) with the time "
            + "\(time.seconds) s since 1970; the years 0 to 9999 are possible")
      }
    }
    let statement = statements.upsertCertificate
    statement.bind(1, issuer.value)
    statement.bind(2, record.serial.octets)
    statement.bind(3, record.notAfter?.seconds)
    statement.bind(4, record.revocation?.time.seconds)
    statement.bind(5, (record.revocation?.reason?.rawValue).map { Int64($0) })
    statement.bind(6, record.singleExtensions.isEmpty ? nil : record.singleExtensions)
    statement.bind(7, Int64(clamping: revision.value))
    try statement.run()
  }

  private func addEvent(at time: UnixTime, issuer: StoreIssuerID, revision: Revision, what: String) throws(StoreError) {
    let statement = statements.insertEvent
    statement.bind(1, nil as Int64?)
    statement.bind(2, time.seconds)
    statement.bind(3, issuer.value)
    statement.bind(4, Int64(clamping: revision.value))
    statement.bind(5, what)
    try statement.run()
  }
}
