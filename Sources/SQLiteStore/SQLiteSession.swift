import CSQLite
import CalendarTime
import OCSP
import Responder

/// One connection with its prepared statements.
final class SQLiteSession: StatusStoreSession {
  /// A responder has dozens of sessions, and the system's own cache is behind them all.
  static let cacheKibibytes = 8 << 10
  /// For the one session that imports: with less, a large import writes the same pages again and again.
  static let importCacheKibibytes = 64 << 10
  /// What the write-ahead log may keep of a large import once it is in the database file.
  static let journalLimitBytes = 16 << 20

  let connection: SQLiteConnection
  let statements: Statements
  /// Whether it has taken messages: it keeps more pages from then on.
  var takesMessages = false

  /// - Parameter isReadOnly: every statement that would write is then an error. The file is opened for writing all the same
  ///   where that is allowed: whoever opens it for reading alone leaves files of the log behind, as their owner.
  init(path: String, isReadOnly: Bool = false) throws(StoreError) {
    connection = try SQLiteConnection(path: path, create: false)
    // FULL: a commit is on the disk when it returns (invariant 2).
    try connection.execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF")
    try connection.execute("PRAGMA journal_size_limit = \(SQLiteSession.journalLimitBytes)")
    if isReadOnly { try connection.execute("PRAGMA query_only = ON") }
    statements = try Statements(connection)
    try setCache(kibibytes: SQLiteSession.cacheKibibytes)
  }

  func setCache(kibibytes: Int) throws(StoreError) {
    try connection.execute("PRAGMA cache_size = -\(kibibytes); PRAGMA shrink_memory")
  }

  // MARK: - Issuers

  func issuer(name: String, identity: [UInt8]) throws(StoreError) -> StoreIssuerID {
    if let found = try findIssuer(name: name, identity: identity) { return found }
    return try connection.storeTransaction { () throws(StoreError) in
      if let found = try findIssuer(name: name, identity: identity) { return found }
      statements.insertIssuer.bind(1, name)
      statements.insertIssuer.bind(2, identity)
      try statements.insertIssuer.run()
      guard let made = try findIssuer(name: name, identity: identity) else {
        throw StoreError(kind: .misuse, description: "database \(connection.path): issuer '\(name)' was not kept")
      }
      return made
    }
  }

  /// The number of an issuer; nil where the store has none of that name.
  func findIssuer(name: String, identity: [UInt8]) throws(StoreError) -> StoreIssuerID? {
    let statement = statements.findIssuer
    statement.bind(1, name)
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    guard statement.blob(1) == identity else {
      throw StoreError(
        kind: .conflict,
        description: "database \(connection.path): the issuer '\(name)' is kept there for another CA certificate "
          + "(other name or other key); give the new CA another name in the configuration")
    }
    return StoreIssuerID(statement.integer(0))
  }

  // MARK: - Status

  func storeIdentity() throws(StoreError) -> [UInt8] {
    let statement = statements.identity
    defer { statement.reset() }
    guard try statement.step(), statement.blob(0).count == 16 else {
      throw StoreError(
        kind: .corrupt, description: "database \(connection.path): it has lost its identity (table 'state')")
    }
    return statement.blob(0)
  }

  func latestRevision() throws(StoreError) -> Revision {
    let statement = statements.latestRevision
    defer { statement.reset() }
    guard try statement.step() else { return .zero }
    return try revision(in: statement, column: 0, of: "state")
  }

  func status(issuer: StoreIssuerID, serial: SerialNumber) throws(StoreError) -> StatusReading {
    // One statement, so that the row and the latest revision come from one snapshot.
    let statement = statements.status
    statement.bind(1, issuer.value)
    statement.bind(2, serial.octets)
    defer { statement.reset() }
    guard try statement.step() else {
      throw StoreError(kind: .corrupt, description: "database \(connection.path): the table 'state' is empty")
    }
    let asOf = try revision(in: statement, column: 0, of: "state")
    guard !statement.isNull(1) else { return StatusReading(record: nil, revision: .zero, asOf: asOf) }
    let revision = try revision(in: statement, column: 1, of: "certificates")
    return StatusReading(
      record: try record(serial, in: statement, firstColumn: 2), revision: revision, asOf: asOf)
  }

  func changes(after position: ChangePosition, limit: Int) throws(StoreError) -> [ChangedCertificate] {
    let statement = statements.changes
    statement.bind(1, Int64(clamping: position.revision.value))
    statement.bind(2, position.issuer.value)
    statement.bind(3, position.serial?.octets ?? [])
    statement.bind(4, Int64(limit))
    defer { statement.reset() }
    var changes: [ChangedCertificate] = []
    while try statement.step() {
      let serial = try serial(in: statement, column: 2)
      changes.append(
        ChangedCertificate(
          issuer: StoreIssuerID(statement.integer(1)), record: try record(serial, in: statement, firstColumn: 3),
          revision: try revision(in: statement, column: 0, of: "certificates")))
    }
    return changes
  }

  func counts(issuer: StoreIssuerID) throws(StoreError) -> (certificates: Int, revoked: Int) {
    let statement = statements.counts
    statement.bind(1, issuer.value)
    defer { statement.reset() }
    guard try statement.step() else { return (0, 0) }
    return (Int(statement.integer(0)), Int(statement.integer(1)))
  }

  func serials(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [SerialNumber] {
    try serials(statements.serials, issuer, serial, limit)
  }

  func serialsOnHold(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [SerialNumber] {
    try serials(statements.serialsOnHold, issuer, serial, limit)
  }

  private func serials(
    _ statement: SQLiteStatement, _ issuer: StoreIssuerID, _ serial: SerialNumber?, _ limit: Int
  ) throws(StoreError) -> [SerialNumber] {
    statement.bind(1, issuer.value)
    statement.bind(2, serial?.octets ?? [])
    statement.bind(3, Int64(limit))
    defer { statement.reset() }
    var serials: [SerialNumber] = []
    while try statement.step() { serials.append(try self.serial(in: statement, column: 0)) }
    return serials
  }

  func revisions(
    issuer: StoreIssuerID, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [CertificateRevision] {
    let statement = statements.revisions
    statement.bind(1, issuer.value)
    statement.bind(2, serial?.octets ?? [])
    statement.bind(3, Int64(limit))
    defer { statement.reset() }
    var found: [CertificateRevision] = []
    found.reserveCapacity(limit)
    while try statement.step() {
      found.append(
        CertificateRevision(
          serial: try self.serial(in: statement, column: 0),
          revision: try revision(in: statement, column: 1, of: "certificates")))
    }
    return found
  }

  func certificates(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, after serial: SerialNumber?, limit: Int
  ) throws(StoreError) -> [ScannedCertificate] {
    let statement = statements.scan
    statement.bind(1, issuer.value)
    statement.bind(2, Int64(hashAlgorithm.rawValue))
    statement.bind(3, serial?.octets ?? [])
    statement.bind(4, Int64(limit))
    defer { statement.reset() }
    var scanned: [ScannedCertificate] = []
    scanned.reserveCapacity(limit)
    while try statement.step() {
      let serial = try self.serial(in: statement, column: 0)
      let revision = try revision(in: statement, column: 1, of: "certificates")
      let response =
        statement.isNull(6)
        ? nil
        : try storedResponse(issuer, hashAlgorithm, serial, revision, in: statement, firstColumn: 6)
      scanned.append(
        ScannedCertificate(
          record: try record(serial, in: statement, firstColumn: 2), revision: revision, response: response))
    }
    return scanned
  }

  // MARK: - Reading columns

  /// produced_at, next_update, refresh_at, digest_prefix, signature, credential from `firstColumn` on.
  func storedResponse(
    _ issuer: StoreIssuerID, _ hashAlgorithm: HashAlgorithm, _ serial: SerialNumber, _ revision: Revision,
    in statement: SQLiteStatement, firstColumn: Int32
  ) throws(StoreError) -> StoredResponse {
    StoredResponse(
      issuer: issuer, hashAlgorithm: hashAlgorithm, serial: serial, revision: revision,
      times: try answerTimes(in: statement, firstColumn: firstColumn),
      credential: StoreCredentialID(statement.integer(firstColumn + 5)), signature: statement.blob(firstColumn + 4),
      digestPrefix: UInt64(bitPattern: statement.integer(firstColumn + 3)))
  }
}
