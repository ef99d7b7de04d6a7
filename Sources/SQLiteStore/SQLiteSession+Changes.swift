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
      let change = try beginChange(of: issuer, at: time)
      var summary = ImportSummary()
      while let batch = try next() {
        for record in batch {
          try take(record, assertsStatus: assertsStatus, in: change, summary: &summary)
        }
      }
      // The revision is taken all the same: numbers are plenty, and a gap in them means nothing.
      summary.revision = change.revision
      if summary.hasChanges {
        try addEvent("import of \(source): \(summary.added) added, \(summary.updated) changed", in: change)
      }
      return summary
    }
  }

  private func take(
    _ incoming: CertificateRecord, assertsStatus: Bool, in change: StoreChange, summary: inout ImportSummary
  ) throws(StoreError) {
    let held = try status(issuer: change.issuer, serial: incoming.serial).record
    let news = RecordChange(held: held, incoming: incoming, assertsStatus: assertsStatus)
    guard let record = summary.count(news, of: incoming.serial) else { return }
    try write(record, over: held, in: change)
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
      var begun: StoreChange?
      var summary = ImportSummary()
      while let batch = try next() {
        for listed in batch {
          let held = try status(issuer: issuer, serial: listed.serial).record
          let news = RecordChange(held: held, listed: listed, thisUpdate: thisUpdate)
          guard let record = summary.count(news, of: listed.serial) else { continue }
          let change = try begun ?? beginChange(of: issuer, at: time)
          begun = change
          try write(record, over: held, in: change)
        }
      }
      summary.revision = try begun?.revision ?? latestRevision()
      if let begun { try addEvent("\(source): \(summary.added) added, \(summary.updated) changed", in: begun) }
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
      let change = try beginChange(of: issuer, at: time)
      try write(after, over: held, in: change)
      let reason = after.revocation?.reason?.name ?? "no reason"
      try addEvent("revoked \(serial): \(reason)", in: change)
      return .revoked(change.revision)
    }
  }

  /// Takes the next revision for what one transaction changes of an issuer.
  func beginChange(of issuer: StoreIssuerID, at time: UnixTime) throws(StoreError) -> StoreChange {
    let statement = statements.nextRevision
    defer { statement.reset() }
    guard try statement.step() else {
      throw StoreError(kind: .corrupt, description: "database \(connection.path): the table 'state' is empty")
    }
    let revision = try revision(in: statement, column: 0, of: "state")
    let hasCaches = statement.integer(1) > 0
    // RETURNING gives its row first and ends the statement only when stepped again.
    while try statement.step() {}
    return StoreChange(
      issuer: issuer, revision: revision, time: time, hasCaches: hasCaches,
      isCachedUnissued: hasCaches ? try isCachedUnissued(issuer) : false)
  }

  /// Writes a record, and puts it in line at the caches that may contradict it.
  ///
  /// - Parameter held: what this transaction has read of the certificate; nil for one that is new.
  func write(
    _ record: CertificateRecord, over held: CertificateRecord?, in change: StoreChange
  ) throws(StoreError) {
    // Whoever tells of it: of an issuer that is compromised nothing is good any more.
    let record = record.afterCompromise(since: try compromise(of: change.issuer))
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
    statement.bind(1, change.issuer.value)
    statement.bind(2, record.serial.octets)
    statement.bind(3, record.notAfter?.seconds)
    statement.bind(4, record.revocation?.time.seconds)
    statement.bind(5, (record.revocation?.reason?.rawValue).map { Int64($0) })
    statement.bind(6, record.singleExtensions.isEmpty ? nil : record.singleExtensions)
    statement.bind(7, Int64(clamping: change.revision.value))
    try statement.run()
    guard change.hasCaches else { return }
    if PurgeRule.wantsPurge(held: held, written: record, isCachedUnissued: change.isCachedUnissued) {
      try putInLine(
        issuer: change.issuer, serial: record.serial, revision: change.revision, at: change.time,
        isRevocation: record.revocation != nil)
    }
  }

  private func addEvent(_ what: String, in change: StoreChange) throws(StoreError) {
    let statement = statements.insertEvent
    statement.bind(1, nil as Int64?)
    statement.bind(2, change.time.seconds)
    statement.bind(3, change.issuer.value)
    statement.bind(4, Int64(clamping: change.revision.value))
    statement.bind(5, what)
    try statement.run()
  }
}

/// What one transaction changes of one issuer's certificates: what all of the records have in common.
struct StoreChange {
  var issuer: StoreIssuerID
  var revision: Revision
  var time: UnixTime
  /// Whether there are caches that changes are put in line for.
  var hasCaches: Bool
  /// Whether those may hold that a certificate was not issued.
  var isCachedUnissued: Bool
}
