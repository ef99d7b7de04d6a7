import CalendarTime
import OCSP
public import Responder

/// Reads comma-separated records (RFC 4180) whose first row names the columns.
///
/// `serial` (hexadecimal) has to be there; `status` (good or revoked), `notAfter`, `revokedAt` (ISO 8601 in UTC) and
/// `reason` may, in any order. Without `status` a row with a `revokedAt` is revoked. `extensions` is the hexadecimal DER of
/// whole `Extension` elements for the answer's singleExtensions (RFC 6960 4.4): certHash, SCT lists.
public final class CSVReader: RecordReader {
  private enum Column: String, CaseIterable {
    case serial
    case status
    case notAfter
    case revokedAt
    case reason
    case extensions

    /// Headings as databases and spreadsheets write them: any case, with `_`, `-` or blanks between the words, and the
    /// usual other names.
    init?(heading: String) {
      switch heading.lowercased().filter({ $0 != "_" && $0 != "-" && $0 != " " }) {
      case "serial", "serialnumber": self = .serial
      case "status": self = .status
      case "notafter", "expires", "expiry": self = .notAfter
      case "revokedat", "revocationtime", "revocationdate": self = .revokedAt
      case "reason", "revocationreason": self = .reason
      case "extensions", "singleextensions": self = .extensions
      default: return nil
      }
    }
  }

  private static let batch = 4096
  private let name: String
  private var lines: TextLines
  private var columns: [Column]?
  private var seen = SerialsSeen()

  /// - Parameter name: the file's name, for messages.
  public init(_ octets: [UInt8], name: String) {
    self.name = name
    // Spreadsheets begin the file with a byte order mark.
    let hasMark = octets.starts(with: [0xEF, 0xBB, 0xBF])
    lines = TextLines(hasMark ? Array(octets.dropFirst(3)) : octets)
  }

  public var progress: Double { lines.progress }

  public func next() throws(RecordError) -> [CertificateRecord]? {
    if columns == nil { columns = try readColumns() }
    guard let columns else { return nil }
    var records: [CertificateRecord] = []
    while records.count < CSVReader.batch, let line = lines.next() {
      if line.isEmpty { continue }
      let record = try record(fields(line), columns)
      if let before = seen.insert(record.serial, place: lines.number, serialAt: serial(onLine:)) {
        throw error("the serial \(record.serial) stands on line \(before) already")
      }
      records.append(record)
    }
    return records.isEmpty ? nil : records
  }

  /// The serial on a line that has been read.
  private func serial(onLine number: Int) -> SerialNumber? {
    guard let line = lines.line(number), let columns, let fields = try? fields(line) else { return nil }
    return try? record(fields, columns).serial
  }

  private func readColumns() throws(RecordError) -> [Column] {
    guard let line = lines.next() else {
      throw RecordError("\(name): the file is empty; expected a row of column names")
    }
    var columns: [Column] = []
    for text in try fields(line) {
      guard let column = Column(heading: text) else {
        let known = Column.allCases.map(\.rawValue).joined(separator: ", ")
        throw error("there is no column '\(text)'; the first row names columns, of \(known)")
      }
      guard !columns.contains(column) else { throw error("the column '\(text)' is there twice") }
      columns.append(column)
    }
    guard columns.contains(.serial) else { throw error("the column 'serial' is missing") }
    return columns
  }

  /// The fields of a row; a quoted one may hold commas and doubled quotes. Line ends inside quotes are not taken: no
  /// value here has any.
  private func fields(_ line: ArraySlice<UInt8>) throws(RecordError) -> [String] {
    var fields: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var wasQuoted = false
    var index = line.startIndex
    while index < line.endIndex {
      let octet = line[index]
      index += 1
      if isQuoted {
        if octet != 0x22 {
          field.append(octet)
        } else if index < line.endIndex, line[index] == 0x22 {
          field.append(0x22)
          index += 1
        } else {
          isQuoted = false
          wasQuoted = true
        }
      } else if octet == 0x22, field.isEmpty, !wasQuoted {
        isQuoted = true
      } else if octet == 0x2C {
        fields.append(String(decoding: field, as: UTF8.self))
        field = []
        wasQuoted = false
      } else {
        guard !wasQuoted else { throw error("something follows a closing quote") }
        field.append(octet)
      }
    }
    guard !isQuoted else { throw error("a quote is not closed") }
    fields.append(String(decoding: field, as: UTF8.self))
    return fields
  }

  private func record(_ fields: [String], _ columns: [Column]) throws(RecordError) -> CertificateRecord {
    guard fields.count == columns.count else {
      throw error("\(fields.count) fields; the first row has \(columns.count)")
    }
    var texts: [Column: String] = [:]
    for (column, field) in zip(columns, fields) where !field.isEmpty { texts[column] = field }
    guard let text = texts[.serial], let serial = SerialNumber(hexadecimal: text) else {
      throw error("column serial: '\(texts[.serial] ?? "")' is no hexadecimal number of at most 32 octets")
    }
    var record = CertificateRecord(serial: serial, notAfter: try time(texts, .notAfter))
    record.singleExtensions = try extensions(texts[.extensions], of: serial)
    let revokedAt = try time(texts, .revokedAt)
    let isRevoked: Bool
    switch texts[.status]?.lowercased() {
    case "revoked", "r": isRevoked = true
    case "good", "valid", "v": isRevoked = false
    case nil: isRevoked = revokedAt != nil
    case .some(let other): throw error("column status: '\(other)' is not possible; expected good or revoked")
    }
    guard isRevoked else {
      guard revokedAt == nil, texts[.reason] == nil else {
        throw error("the status is good, and yet there is a revokedAt or a reason")
      }
      return record
    }
    guard let revokedAt else { throw error("column revokedAt: a revoked certificate needs its time") }
    record.revocation = Revocation(time: revokedAt, reason: try reason(texts[.reason]))
    return record
  }

  private func time(_ texts: [Column: String], _ column: Column) throws(RecordError) -> UnixTime? {
    guard let text = texts[column] else { return nil }
    guard let time = UnixTime(iso8601: text) ?? OpenSSLTime.parse(Array(text.utf8)[...]) else {
      throw error("column \(column.rawValue): '\(text)' is no time; expected 2026-01-31T12:00:00Z")
    }
    return time
  }

  private func extensions(_ text: String?, of serial: SerialNumber) throws(RecordError) -> [UInt8] {
    guard let text else { return [] }
    let digits = text.compactMap { $0.hexDigitValue.map { UInt8($0) } }
    guard digits.count == text.count, digits.count % 2 == 0 else {
      throw error("the serial \(serial), column extensions: an even number of hexadecimal digits is expected")
    }
    let octets = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    guard octets.count <= CertificateRecord.maximumSingleExtensionOctets else {
      throw error(
        "the serial \(serial), column extensions: \(octets.count) octets; at most "
          + "\(CertificateRecord.maximumSingleExtensionOctets) are possible")
    }
    let found: [OCSPExtension]
    do {
      found = try OCSPExtension.list(octets)
    } catch {
      throw self.error("the serial \(serial), column extensions: not DER Extension elements: \(error)")
    }
    if let objection = SingleExtensionRules.objection(to: found) {
      throw error("the serial \(serial), column extensions: \(objection)")
    }
    return octets
  }

  private func reason(_ text: String?) throws(RecordError) -> RevocationReason? {
    guard let text else { return nil }
    guard let reason = RevocationReason(name: text), reason != .removeFromCRL else {
      throw error("column reason: '\(text)' is no reason of RFC 5280 5.3.1 for a revoked certificate")
    }
    return reason
  }

  private func error(_ what: String) -> RecordError {
    RecordError("\(name), line \(lines.number): \(what)")
  }
}
