import CalendarTime
import OCSP
import Responder

/// Columns as values. The file may be damaged, or somebody may have written into it: what cannot be is
/// `StoreError.Kind.corrupt`, with table and value, and never a trap.
extension SQLiteSession {
  /// What four digits of year can write: no reader takes in other times.
  static let possibleTimes = Int64(-62_167_219_200)...UnixTime.endOfTime.seconds

  /// not_after, revoked_at, reason, extensions of `certificates` from `firstColumn` on.
  func record(
    _ serial: SerialNumber, in statement: SQLiteStatement, firstColumn: Int32
  ) throws(StoreError) -> CertificateRecord {
    var revocation: Revocation?
    if let time = try time(in: statement, column: firstColumn + 1, named: "revoked_at") {
      revocation = Revocation(time: time, reason: try reason(in: statement, column: firstColumn + 2))
    }
    let extensions = statement.blob(firstColumn + 3)
    guard extensions.count <= CertificateRecord.maximumSingleExtensionOctets else {
      throw corrupt(
        "certificates", "extensions of \(extensions.count) octets",
        "at most \(CertificateRecord.maximumSingleExtensionOctets) are possible")
    }
    return CertificateRecord(
      serial: serial, notAfter: try time(in: statement, column: firstColumn, named: "not_after"),
      revocation: revocation, singleExtensions: extensions)
  }

  func revision(
    in statement: SQLiteStatement, column: Int32, of table: String
  ) throws(StoreError) -> Revision {
    let value = statement.integer(column)
    guard value >= 0 else { throw corrupt(table, "the revision \(value)", "revisions only grow, from 0") }
    return Revision(UInt64(value))
  }

  func serial(in statement: SQLiteStatement, column: Int32) throws(StoreError) -> SerialNumber {
    var serial: SerialNumber?
    var count = 0
    statement.withBlob(column) { octets in
      serial = SerialNumber(content: octets)
      count = octets.count
    }
    guard let serial else {
      throw StoreError(
        kind: .corrupt,
        description: "database \(connection.path): a serial number has \(count) octets; "
          + "1 to \(SerialNumber.maximumOctets) are possible")
    }
    return serial
  }

  func time(
    in statement: SQLiteStatement, column: Int32, named name: String, of table: String = "certificates"
  ) throws(StoreError) -> UnixTime? {
    guard let seconds = statement.optionalInteger(column) else { return nil }
    guard SQLiteSession.possibleTimes.contains(seconds) else {
      throw corrupt(table, "the \(name) \(seconds)", "seconds since 1970 in the years 0 to 9999 are expected")
    }
    return UnixTime(seconds: seconds)
  }

  /// produced_at, next_update and refresh_at of `responses` from `firstColumn` on.
  func answerTimes(in statement: SQLiteStatement, firstColumn: Int32) throws(StoreError) -> AnswerTimes {
    func time(_ offset: Int32, _ name: String) throws(StoreError) -> UnixTime {
      guard let time = try self.time(in: statement, column: firstColumn + offset, named: name, of: "responses") else {
        throw corrupt("responses", "no \(name)", "a time is expected")
      }
      return time
    }
    return AnswerTimes(
      producedAt: try time(0, "produced_at"), nextUpdate: try time(1, "next_update"),
      refreshAt: try time(2, "refresh_at"))
  }

  func hashAlgorithm(in statement: SQLiteStatement, column: Int32) throws(StoreError) -> HashAlgorithm {
    let value = statement.integer(column)
    guard let hash = UInt8(exactly: value).flatMap({ HashAlgorithm(rawValue: $0) }) else {
      throw corrupt("responses", "the hash algorithm \(value)", "1 to 4 exist")
    }
    return hash
  }

  private func reason(in statement: SQLiteStatement, column: Int32) throws(StoreError) -> RevocationReason? {
    guard let value = statement.optionalInteger(column) else { return nil }
    guard let reason = UInt8(exactly: value).flatMap({ RevocationReason(rawValue: $0) }) else {
      throw corrupt("certificates", "the reason \(value)", "those of RFC 5280 5.3.1 are expected")
    }
    return reason
  }

  private func corrupt(_ table: String, _ found: String, _ expected: String) -> StoreError {
    StoreError(
      kind: .corrupt,
      description: "database \(connection.path): the table '\(table)' has \(found); \(expected)")
  }
}
