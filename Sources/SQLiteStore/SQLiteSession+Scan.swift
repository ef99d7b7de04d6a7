import CalendarTime
import OCSP
import Responder

/// A start reads every certificate and every response there is: two statements, each in the order of serials, side by side.
/// That takes two thirds of what a join takes, which looks each response up.
extension SQLiteSession {
  /// More than any serial: behind the last one.
  private static let behindAll = [UInt8](repeating: 0xFF, count: SerialNumber.maximumOctets + 1)

  func readStored(
    issuer: StoreIssuerID, hashAlgorithm: HashAlgorithm, in range: SerialRange, limit: Int,
    _ body: (StoredRow, Span<UInt8>) -> Void
  ) throws(StoreError) -> StoredPage {
    // One snapshot for both.
    try connection.execute("BEGIN")
    defer { _ = try? connection.execute("COMMIT") }
    let asOf = try latestRevision()
    let certificates = statements.storedCertificates
    certificates.bind(1, issuer.value)
    certificates.bind(2, range.after)
    certificates.bind(3, range.through ?? SQLiteSession.behindAll)
    certificates.bind(4, Int64(limit))
    defer { certificates.reset() }
    let responses = statements.storedResponses
    responses.bind(1, issuer.value)
    responses.bind(2, Int64(hashAlgorithm.rawValue))
    responses.bind(3, range.after)
    responses.bind(4, range.through ?? SQLiteSession.behindAll)
    defer { responses.reset() }
    var hasResponse = try responses.step()
    var count = 0
    var last: SerialNumber?
    while try certificates.step() {
      let serial = try serial(in: certificates, column: 0)
      while hasResponse, responses.compareBlob(0, with: certificates, 0) < 0 { hasResponse = try responses.step() }
      var row = StoredRow(
        record: try record(serial, in: certificates, firstColumn: 2),
        revision: try revision(in: certificates, column: 1, of: "certificates"), response: nil)
      count += 1
      last = serial
      if hasResponse, responses.compareBlob(0, with: certificates, 0) == 0,
        try revision(in: responses, column: 1, of: "responses") == row.revision
      {
        row.response = StoredRow.Response(
          times: try answerTimes(in: responses, firstColumn: 2),
          credential: StoreCredentialID(responses.integer(6)),
          digestPrefix: UInt64(bitPattern: responses.integer(5)))
        responses.withBlob(7) { body(row, $0) }
      } else {
        body(row, Span())
      }
    }
    return StoredPage(asOf: asOf, last: last, isLast: count < limit)
  }
}
