import DER
public import OCSP
public import Responder

/// Reads the entries of a CRL in batches, without a copy of the list.
///
/// A CRL tells of revoked certificates alone, and not when they end: its records have no notAfter. A record without a
/// revocation is an entry of a delta CRL with removeFromCRL (RFC 5280 5.3.1).
public final class CRLReader: RecordReader {
  private static let batch = 4096
  private static let certificateIssuer: [UInt8] = [0x55, 0x1D, 0x1D]

  private let list: CertificateList
  private let isCheckedBefore: Bool
  private var position: Int
  private var seen = SerialsSeen()

  /// - Parameter isCheckedBefore: whether another reader has been through the list already: serials that are listed twice
  ///   are not looked for again, and neither `count` nor `hasListed` knows anything.
  public init(_ list: CertificateList, isCheckedBefore: Bool = false) {
    self.list = list
    self.isCheckedBefore = isCheckedBefore
    position = list.entries.lowerBound
  }

  public var progress: Double {
    list.entries.isEmpty ? 1 : Double(position - list.entries.lowerBound) / Double(list.entries.count)
  }

  /// How many entries have been read.
  public var count: Int { seen.count }

  /// Whether an entry that has been read is about this serial.
  public func hasListed(_ serial: SerialNumber) -> Bool {
    seen.contains(serial) { self.serial(at: list.entries.lowerBound + $0) }
  }

  public func next() throws(RecordError) -> [CertificateRecord]? {
    guard position < list.entries.upperBound else { return nil }
    var records: [CertificateRecord] = []
    records.reserveCapacity(CRLReader.batch)
    let octets = list.octets
    let span = octets.span
    while records.count < CRLReader.batch, position < list.entries.upperBound {
      let start = position
      var refusal: String?
      var record: CertificateRecord?
      do throws(DERError) {
        var reader = DERReader(span, in: start..<list.entries.upperBound)
        let entry = try reader.read(.sequence)
        position = reader.position
        record = try read(DERReader(span, in: entry), &refusal)
      } catch {
        throw RecordError("\(list.name): an entry of the CRL is malformed: \(error)")
      }
      if let refusal { throw RecordError("\(list.name): the entry at octet \(start): \(refusal)") }
      guard let record else { continue }
      guard !isCheckedBefore else {
        records.append(record)
        continue
      }
      // From the first entry on: a DER length has four octets at most.
      let base = list.entries.lowerBound
      if let place = seen.insert(record.serial, place: start - base, serialAt: { self.serial(at: base + $0) }) {
        let before = base + place
        throw RecordError(
          "\(list.name): the serial \(record.serial) at octet \(start) is listed at octet \(before) already")
      }
      records.append(record)
    }
    return records
  }

  /// The serial of an entry that has been read.
  private func serial(at start: Int) -> SerialNumber? {
    let octets = list.octets
    let span = octets.span
    var reader = DERReader(span, in: start..<list.entries.upperBound)
    guard let entry = try? reader.read(.sequence) else { return nil }
    var fields = DERReader(span, in: entry)
    guard let serial = try? fields.readIntegerOctets() else { return nil }
    return SerialNumber(content: Array(octets[serial]))
  }

  /// - Parameter fields: over the content of one entry.
  private func read(
    _ fields: consuming DERReader, _ refusal: inout String?
  ) throws(DERError) -> CertificateRecord? {
    let serial = try fields.readIntegerOctets()
    let time = try fields.readTime()
    var revocation = Revocation(time: time, reason: nil)
    var singleExtensions: [UInt8] = []
    var hasReason = false
    if let content = try fields.readOptional(.sequence) {
      var extensions = fields.inside(content)
      while !extensions.isAtEnd {
        let field = try CRLExtension.read(&extensions)
        if extensions.equals(field.identifier, ObjectIdentifier.reasonCode) {
          if hasReason { refusal = "it has two reasonCodes" }
          hasReason = true
          var value = extensions.inside(field.value)
          let number = try value.readSmallEnumerated()
          try value.finish()
          revocation.reason = RevocationReason(rawValue: number)
          if revocation.reason == nil { refusal = "\(number) is no reason of RFC 5280 5.3.1" }
          if revocation.reason == .removeFromCRL, !list.isDelta {
            refusal = "removeFromCRL stands in delta CRLs only"
          }
        } else if extensions.equals(field.identifier, ObjectIdentifier.invalidityDate) {
          if !singleExtensions.isEmpty { refusal = "it has two invalidityDates" }
          // RFC 6960 4.4.5 lets it into an answer's singleExtensions; nothing is critical there.
          singleExtensions = OCSPExtension(
            identifier: ObjectIdentifier.invalidityDate, value: Array(list.octets[field.value])
          ).encoded()
        } else if extensions.equals(field.identifier, CRLReader.certificateIssuer) {
          refusal = "it names another issuer; indirect CRLs are not taken"
        } else if field.isCritical {
          refusal = "it has an unknown critical extension"
        }
      }
    }
    try fields.finish()
    if singleExtensions.count > CertificateRecord.maximumSingleExtensionOctets {
      refusal =
        "its extensions have \(singleExtensions.count) octets; "
        + "at most \(CertificateRecord.maximumSingleExtensionOctets) are possible"
    }
    guard let serial = SerialNumber(content: Array(list.octets[serial])) else {
      refusal = "a serial number of \(serial.count) octets; at most \(SerialNumber.maximumOctets) are possible"
      return nil
    }
    if revocation.reason == .removeFromCRL { return CertificateRecord(serial: serial, notAfter: nil) }
    return CertificateRecord(
      serial: serial, notAfter: nil, revocation: revocation, singleExtensions: singleExtensions)
  }
}
