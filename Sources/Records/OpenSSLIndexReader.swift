import CalendarTime
import OCSP
public import Responder

/// Reads the `index.txt` of `openssl ca`.
///
/// Six fields between tabs: status (V, R or E), expiry, revocation, serial, file name, subject. The revocation field is
/// a date, and may go on with a reason and what belongs to it: `keyTime` and `CAkeyTime` have the time of the compromise,
/// which becomes an invalidityDate (RFC 5280 5.3.2); the instruction of `holdInstruction` is left out, RFC 5280 has
/// dropped it. `removeFromCRL`, which `openssl ca` writes where it is told to, is refused: what it means of the
/// certificate is for people to say.
public final class OpenSSLIndexReader: RecordReader {
  private static let batch = 4096
  private let name: String
  private var lines: TextLines
  private var seen = SerialsSeen()

  /// - Parameter name: the file's name, for messages.
  public init(_ octets: [UInt8], name: String) {
    self.name = name
    lines = TextLines(octets)
  }

  public var progress: Double { lines.progress }

  public func next() throws(RecordError) -> [CertificateRecord]? {
    var records: [CertificateRecord] = []
    records.reserveCapacity(OpenSSLIndexReader.batch)
    while records.count < OpenSSLIndexReader.batch, let line = lines.next() {
      if line.isEmpty || line.first == 0x23 { continue }
      let record = try record(line)
      if let before = seen.insert(record.serial, place: lines.number, serialAt: serial(onLine:)) {
        throw error("the serial \(record.serial) stands on line \(before) already")
      }
      records.append(record)
    }
    return records.isEmpty ? nil : records
  }

  private func record(_ line: ArraySlice<UInt8>) throws(RecordError) -> CertificateRecord {
    let fields = fields(line)
    guard fields.count == 6 else {
      throw error("\(fields.count) fields; expected 6 between tabs: status, expiry, revocation, serial, file, subject")
    }
    guard let expiry = OpenSSLTime.parse(fields[1]) else {
      throw error("the expiry \(shown(fields[1])) is no time; expected YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ")
    }
    guard let serial = SerialNumber(hexadecimal: String(decoding: fields[3], as: UTF8.self)) else {
      throw error("the serial \(shown(fields[3])) is no hexadecimal number of at most 32 octets")
    }
    var record = CertificateRecord(serial: serial, notAfter: expiry)
    switch (fields[0].first, fields[0].count) {
    case (0x56, 1):
      guard fields[2].isEmpty else { throw error("a valid certificate (V) with a revocation \(shown(fields[2]))") }
    case (0x52, 1): try takeRevocation(fields[2], &record)
    case (0x45, 1):
      if !fields[2].isEmpty { try takeRevocation(fields[2], &record) }
    default: throw error("the status \(shown(fields[0])) is none; expected V, R or E")
    }
    return record
  }

  /// The serial on a line that has been read.
  private func serial(onLine number: Int) -> SerialNumber? {
    guard let line = lines.line(number) else { return nil }
    let fields = fields(line)
    return fields.count > 3 ? SerialNumber(hexadecimal: String(decoding: fields[3], as: UTF8.self)) : nil
  }

  /// What stands between tabs. A tab behind a backslash is part of its field, as OpenSSL's TXT_DB writes it.
  private func fields(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var fields: [ArraySlice<UInt8>] = []
    var start = line.startIndex
    for index in line.indices where line[index] == 0x09 && (index == line.startIndex || line[index - 1] != 0x5C) {
      fields.append(line[start..<index])
      start = index + 1
    }
    fields.append(line[start...])
    return fields
  }

  private func takeRevocation(_ field: ArraySlice<UInt8>, _ record: inout CertificateRecord) throws(RecordError) {
    let parts = field.split(separator: 0x2C, omittingEmptySubsequences: false)
    guard let first = parts.first, let time = OpenSSLTime.parse(first) else {
      throw error("the revocation \(shown(field)) has no time; expected YYMMDDHHMMSSZ[,reason]")
    }
    record.revocation = Revocation(time: time, reason: nil)
    guard parts.count > 1 else { return }
    let word = String(decoding: parts[1], as: UTF8.self)
    switch word {
    case "holdInstruction": record.revocation?.reason = .certificateHold
    case "keyTime", "CAkeyTime":
      guard parts.count == 3, let compromised = OpenSSLTime.parse(parts[2]) else {
        throw error("\(word) needs the time of the compromise, YYYYMMDDHHMMSSZ; the field is \(shown(field))")
      }
      record.revocation?.reason = word == "keyTime" ? .keyCompromise : .caCompromise
      record.singleExtensions = SingleExtension.invalidityDate(compromised)
    default:
      guard let reason = RevocationReason(name: word) else {
        throw error("the reason '\(word)' is not one that openssl ca writes for a revoked certificate")
      }
      // `openssl ca` writes it too, and it says neither revoked nor good of a certificate.
      guard reason != .removeFromCRL else {
        throw error(
          "the serial \(record.serial) is revoked for removeFromCRL, which stands in delta CRLs only (RFC 5280 5.3.1); "
            + "if its hold was lifted, give it the status V and an empty revocation, else its real reason")
      }
      record.revocation?.reason = reason
    }
  }

  private func error(_ what: String) -> RecordError {
    RecordError("\(name), line \(lines.number): \(what)")
  }

  private func shown(_ field: ArraySlice<UInt8>) -> String {
    "'\(String(decoding: field.prefix(60), as: UTF8.self))'"
  }
}

/// The two ASN.1 time forms as text.
enum OpenSSLTime {
  static func parse(_ text: ArraySlice<UInt8>) -> UnixTime? {
    guard text.last == 0x5A, text.count == 13 || text.count == 15 else { return nil }
    var numbers: [Int] = []
    var rest = text.dropLast()
    while !rest.isEmpty {
      let pair = rest.prefix(2)
      guard pair.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
      numbers.append(pair.reduce(0) { $0 * 10 + Int($1 - 0x30) })
      rest = rest.dropFirst(2)
    }
    // UTCTime: 50 to 99 are 1950 to 1999 (RFC 5280 4.1.2.5.1).
    let year =
      text.count == 15 ? numbers.removeFirst() * 100 + numbers[0] : numbers[0] + (numbers[0] < 50 ? 2000 : 1900)
    return CivilTime(
      year: year, month: numbers[1], day: numbers[2], hour: numbers[3], minute: numbers[4], second: numbers[5])?
      .unixTime
  }
}
