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
    let revision = try revision(in: statement, column: 0, of: "responses")
    return try storedResponse(issuer, hashAlgorithm, serial, revision, in: statement, firstColumn: 1)
  }

  func responsesDue(
    issuer: StoreIssuerID, at time: UnixTime, order: RenewalOrder, limit: Int
  ) throws(StoreError) -> [DueResponse] {
    let statement = order == .plan ? statements.responsesDueByPlan : statements.responsesDueByEnd
    statement.bind(1, issuer.value)
    statement.bind(2, time.seconds)
    statement.bind(3, Int64(limit))
    defer { statement.reset() }
    var due: [DueResponse] = []
    while try statement.step() {
      let hash = try hashAlgorithm(in: statement, column: 1)
      let serial = try serial(in: statement, column: 2)
      let asOf = try revision(in: statement, column: 0, of: "state")
      var reading = StatusReading(record: nil, revision: .zero, asOf: asOf)
      if statement.optionalInteger(4) != nil {
        reading = StatusReading(
          record: try record(serial, in: statement, firstColumn: 5),
          revision: try revision(in: statement, column: 4, of: "certificates"), asOf: asOf)
      }
      due.append(
        DueResponse(
          hashAlgorithm: hash, serial: serial, nextUpdate: UnixTime(seconds: statement.integer(3)), reading: reading))
    }
    return due
  }

  func renewals(issuer: StoreIssuerID, until time: UnixTime) throws(StoreError) -> Int {
    try number(statements.renewals, issuer, time).map { Int($0) } ?? 0
  }

  func firstRenewal(issuer: StoreIssuerID) throws(StoreError) -> UnixTime? {
    try number(statements.firstRenewal, issuer).map { UnixTime(seconds: $0) }
  }

  func endings(issuer: StoreIssuerID, after start: UnixTime, until end: UnixTime) throws(StoreError) -> Int {
    try number(statements.endings, issuer, start, end).map { Int($0) } ?? 0
  }

  func firstEnd(issuer: StoreIssuerID, after time: UnixTime) throws(StoreError) -> UnixTime? {
    try number(statements.firstEnd, issuer, time).map { UnixTime(seconds: $0) }
  }

  private func number(
    _ statement: SQLiteStatement, _ issuer: StoreIssuerID, _ times: UnixTime...
  ) throws(StoreError) -> Int64? {
    statement.bind(1, issuer.value)
    for (place, time) in times.enumerated() { statement.bind(Int32(place + 2), time.seconds) }
    defer { statement.reset() }
    return try statement.step() ? statement.integer(0) : nil
  }

  func save(_ responses: [StoredResponse], at time: UnixTime) throws(StoreError) {
    // A response lost in a power cut is signed again: it need not wait for the disk as an event must.
    try connection.execute("PRAGMA synchronous = NORMAL")
    defer { _ = try? connection.execute("PRAGMA synchronous = FULL") }
    let statement = statements.saveResponse
    try connection.storeTransaction { () throws(StoreError) in
      statement.bind(11, time.advanced(bySeconds: AnswerTimes.clockTolerance).seconds)
      for response in responses {
        statement.bind(1, response.issuer.value)
        statement.bind(2, Int64(response.hashAlgorithm.rawValue))
        statement.bind(3, response.serial.octets)
        statement.bind(4, Int64(response.revision.value))
        statement.bind(5, response.times.producedAt.seconds)
        statement.bind(6, response.times.nextUpdate.seconds)
        statement.bind(7, response.times.refreshAt.seconds)
        statement.bind(8, Int64(bitPattern: response.digestPrefix))
        statement.bind(9, response.signature)
        statement.bind(10, response.credential.value)
        try statement.run()
      }
    }
  }

  func removeResponses(issuer: StoreIssuerID, serials: [SerialNumber]) throws(StoreError) {
    try connection.storeTransaction { () throws(StoreError) in
      for serial in serials {
        for hash in HashAlgorithm.allCases {
          statements.removeResponses.bind(1, issuer.value)
          statements.removeResponses.bind(2, Int64(hash.rawValue))
          statements.removeResponses.bind(3, serial.octets)
          try statements.removeResponses.run()
        }
      }
    }
  }
}
