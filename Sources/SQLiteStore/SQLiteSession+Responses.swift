import CalendarTime
import OCSP
import Responder

extension SQLiteSession {
  func response(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, serial: SerialNumber
  ) throws(StoreError) -> StoredResponse? {
    let statement = statements.response
    statement.bind(1, issuer.value)
    statement.bind(2, Int64(hashAlgorithm.rawValue))
    statement.bind(3, serial.octets)
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    let revision = Revision(UInt64(statement.integer(0)))
    return storedResponse(issuer, hashAlgorithm, serial, revision, in: statement, firstColumn: 1)
  }

  func responsesDue(at time: UnixTime, limit: Int) throws(StoreError) -> [DueResponse] {
    let statement = statements.responsesDue
    statement.bind(1, time.seconds)
    statement.bind(2, Int64(limit))
    defer { statement.reset() }
    var due: [DueResponse] = []
    while try statement.step() {
      guard let hash = HashAlgorithm(rawValue: UInt8(truncatingIfNeeded: statement.integer(1))) else {
        throw StoreError(
          kind: .corrupt,
          description:
            "database \(connection.path): a response has hash algorithm \(statement.integer(1)); 1 to 4 exist")
      }
      due.append(
        DueResponse(
          issuer: StoreIssuerID(statement.integer(0)), hashAlgorithm: hash,
          serial: try serial(in: statement, column: 2), refreshAt: UnixTime(seconds: statement.integer(3))))
    }
    return due
  }

  func save(_ responses: [StoredResponse]) throws(StoreError) {
    // A response lost in a power cut is signed again: it need not wait for the disk as an event must.
    try connection.execute("PRAGMA synchronous = NORMAL")
    defer { _ = try? connection.execute("PRAGMA synchronous = FULL") }
    try connection.storeTransaction { () throws(StoreError) in
      for response in responses {
        let statement = statements.saveResponse
        statement.bind(1, response.issuer.value)
        statement.bind(2, Int64(response.hashAlgorithm.rawValue))
        statement.bind(3, response.serial.octets)
        statement.bind(4, Int64(response.revision.value))
        statement.bind(5, response.times.producedAt.seconds)
        statement.bind(6, response.times.nextUpdate.seconds)
        statement.bind(7, response.times.refreshAt.seconds)
        statement.bind(8, Int64(bitPattern: response.digestPrefix))
        statement.bind(9, response.signature)
        try statement.run()
      }
    }
  }

  func removeResponses(issuer: StoreIssuerID, serial: SerialNumber) throws(StoreError) {
    try connection.storeTransaction { () throws(StoreError) in
      for hash in HashAlgorithm.allCases {
        statements.removeResponses.bind(1, issuer.value)
        statements.removeResponses.bind(2, Int64(hash.rawValue))
        statements.removeResponses.bind(3, serial.octets)
        try statements.removeResponses.run()
      }
    }
  }
}
