import CalendarTime
import DER
import OCSP
import Records
import Responder
import TestSupport
import Testing

@Suite("CRL")
struct CRLTests {
  private struct Entry {
    var serial: [UInt8]
    var extensions: [OCSPExtension] = []
    var isUTC = false
  }

  private static let start = UnixTime(seconds: 1_780_000_000)

  private func list(
    _ entries: [Entry], extensions: [OCSPExtension] = [], version: Bool = true, outerAlgorithm: [UInt8] = [0x2A, 0x03]
  ) -> [UInt8] {
    var writer = DERWriter()
    writer.sequence { writer in
      writer.sequence { writer in
        if version { writer.primitive(.integer, [1]) }
        writer.sequence { $0.objectIdentifier([0x2A, 0x03]) }
        writer.sequence { _ in }
        writer.generalizedTime(CRLTests.start)
        writer.generalizedTime(CRLTests.start.advanced(bySeconds: 1000))
        if !entries.isEmpty { writer.sequence { writer in for entry in entries { write(entry, &writer) } } }
        if !extensions.isEmpty {
          writer.constructed(.context(0)) {
            $0.sequence { list in for one in extensions { list.encoded(one.encoded()) } }
          }
        }
      }
      writer.sequence { $0.objectIdentifier(outerAlgorithm) }
      writer.bitString([1, 2, 3])
    }
    return writer.finish()
  }

  private func write(_ entry: Entry, _ writer: inout DERWriter) {
    writer.sequence { writer in
      writer.primitive(.integer, entry.serial)
      if entry.isUTC {
        writer.primitive(.utcTime, Array("260528202640Z".utf8))
      } else {
        writer.generalizedTime(CRLTests.start)
      }
      if !entry.extensions.isEmpty {
        writer.sequence { list in for one in entry.extensions { list.encoded(one.encoded()) } }
      }
    }
  }

  private func reason(_ number: UInt8) -> OCSPExtension {
    OCSPExtension(identifier: [0x55, 0x1D, 0x15], value: [0x0A, 0x01, number])
  }

  private func records(_ der: [UInt8]) throws -> [CertificateRecord] {
    let reader = CRLReader(try CertificateList(der: der, name: "a.crl"))
    var records: [CertificateRecord] = []
    while let batch = try reader.next() { records += batch }
    return records
  }

  private let date = OCSPExtension(
    identifier: [0x55, 0x1D, 0x18], value: [0x18, 0x0F] + Array("20260101000000Z".utf8))

  @Test("entries with and without reasons, dates of both kinds, invalidityDate kept")
  func entries() throws {
    var critical = date
    critical.isCritical = true
    let found = try records(
      list([
        Entry(serial: [1]), Entry(serial: [2], extensions: [reason(1), date]),
        Entry(serial: [3], extensions: [reason(6)], isUTC: true), Entry(serial: [4], extensions: [critical]),
      ]))
    #expect(found.map { $0.revocation?.reason } == [nil, .keyCompromise, .certificateHold, nil])
    #expect(found.allSatisfy { $0.revocation?.time == CRLTests.start })
    #expect(found[1].singleExtensions == date.encoded() && found[3].singleExtensions == date.encoded())
    #expect(found.allSatisfy { $0.notAfter == nil })
    #expect(try records(list([])).isEmpty)
    #expect(try records(list([Entry(serial: [1])], version: false)).count == 1)
  }

  @Test("ten thousand entries come in batches")
  func many() throws {
    let entries = (0..<10_000).map { Entry(serial: [1, UInt8($0 >> 8), UInt8($0 & 0xFF)]) }
    let found = try records(list(entries))
    #expect(found.count == 10_000)
    #expect(found.map(\.serial.octets) == entries.map(\.serial))
    let whole = list(entries + [Entry(serial: [1, 0, 7])])
    #expect { try records(whole) } throws: { error in
      // Both places have the entry that is named there: a SEQUENCE with this INTEGER.
      let places = "\(error)".split(separator: " ").compactMap { Int($0) }.filter { $0 != 10007 }
      return places.count == 2 && places[0] > places[1]
        && places.allSatisfy { Array(whole[($0 + 2)..<($0 + 7)]) == [2, 3, 1, 0, 7] }
    }
  }

  @Test("lists that do not tell all there is are refused with a clear word")
  func partial() {
    let distribution = { (field: [UInt8]) in
      OCSPExtension(identifier: [0x55, 0x1D, 0x1C], isCritical: true, value: [0x30, UInt8(field.count)] + field)
    }
    for (extensions, expected) in [
      ([OCSPExtension(identifier: [0x55, 0x1D, 0x1B], isCritical: true, value: [0x02, 0x01, 0x01])], "delta CRL"),
      ([distribution([0x84, 0x01, 0xFF])], "indirect CRL"), ([distribution([0x83, 0x02, 0x01, 0x06])], "some reasons"),
      ([distribution([0x85, 0x01, 0xFF])], "attribute certificates"),
      ([OCSPExtension(identifier: [0x2A, 0x05], isCritical: true, value: [])], "unknown critical extension"),
    ] {
      #expect { try records(list([Entry(serial: [1])], extensions: extensions)) } throws: {
        "\($0)".contains("a.crl") && "\($0)".contains(expected)
      }
    }
  }

  private func number(_ identifier: UInt8, _ octets: [UInt8]) -> OCSPExtension {
    OCSPExtension(identifier: [0x55, 0x1D, identifier], value: [0x02, UInt8(octets.count)] + octets)
  }

  @Test(
    "a delta CRL is read where it is wanted: its base, its number, and removeFromCRL as a record without revocation")
  func delta() throws {
    let der = list(
      [Entry(serial: [1], extensions: [reason(8)]), Entry(serial: [2], extensions: [reason(1)])],
      extensions: [number(0x14, [7]), number(0x1B, [5])])
    let read = try CertificateList(der: der, name: "a.crl", takesDeltas: true)
    #expect(read.isDelta && read.baseNumber == CRLNumber(5) && read.number == CRLNumber(7))
    let reader = CRLReader(read)
    let found = try #require(try reader.next())
    #expect(found.map(\.revocation?.reason) == [nil, .keyCompromise] && found[0].revocation == nil)
    #expect(reader.count == 2)
    for (serial, isListed) in [([1], true), ([2], true), ([3], false)] as [([UInt8], Bool)] {
      #expect(reader.hasListed(try #require(SerialNumber(content: serial))) == isListed)
    }
  }

  @Test("numbers that are none are refused, and so is a delta CRL without one")
  func badNumbers() {
    for (extensions, word) in [
      ([number(0x14, [0x80])], "negative"), ([number(0x14, [UInt8](repeating: 1, count: 21))], "20 octets"),
      ([number(0x1B, [1])], "without a cRLNumber"),
    ] {
      #expect { try CertificateList(der: list([], extensions: extensions), name: "a.crl", takesDeltas: true) } throws: {
        "\($0)".contains("a.crl") && "\($0)".contains(word)
      }
    }
  }

  @Test("two signature algorithms that differ are refused (RFC 5280 5.1.1.2)")
  func differentAlgorithms() {
    for outer in [[0x2A, 0x04], [0x2A], [0x2A, 0x03, 0x01]] as [[UInt8]] {
      #expect { try records(list([Entry(serial: [1])], outerAlgorithm: outer)) } throws: {
        "\($0)".contains("a.crl") && "\($0)".contains("signature algorithm")
      }
    }
  }

  @Test("a list of a part of the certificates says of which part")
  func scope() throws {
    for (field, expected) in [
      ([0x81, 0x01, 0xFF], "user certificates"), ([0x82, 0x01, 0xFF], "CA certificates"),
      ([0xA0, 0x02, 0xA0, 0x00], "distribution point"), ([0x81, 0x01, 0x00], nil),
    ] as [([UInt8], String?)] {
      let point = OCSPExtension(
        identifier: [0x55, 0x1D, 0x1C], isCritical: true, value: [0x30, UInt8(field.count)] + field)
      let scope = try CertificateList(der: list([Entry(serial: [1])], extensions: [point]), name: "a.crl").scope
      if let expected { #expect(scope?.contains(expected) == true) } else { #expect(scope == nil) }
    }
    #expect(try CertificateList(der: list([]), name: "a.crl").scope == nil)
  }

  @Test("entries that cannot be taken name their place")
  func badEntries() {
    for (entry, expected) in [
      (Entry(serial: [2], extensions: [reason(8)]), "removeFromCRL"),
      (Entry(serial: [2], extensions: [reason(7)]), "7 is no reason"),
      (
        Entry(
          serial: [2], extensions: [OCSPExtension(identifier: [0x55, 0x1D, 0x1D], isCritical: true, value: [0x30, 0])]),
        "another issuer"
      ),
      (
        Entry(serial: [2], extensions: [OCSPExtension(identifier: [0x2A, 0x05], isCritical: true, value: [])]),
        "unknown critical"
      ),
      (Entry(serial: [2], extensions: [reason(1), reason(1)]), "two reasonCodes"),
      (Entry(serial: [2], extensions: [date, reason(1), date]), "two invalidityDates"),
      (Entry(serial: [UInt8](repeating: 1, count: 40)), "40 octets"), (Entry(serial: [1]), "listed at octet"),
    ] {
      #expect { try records(list([Entry(serial: [1]), entry])) } throws: {
        "\($0)".contains("octet") && "\($0)".contains(expected)
      }
    }
  }

  @Test("every truncation and ten thousand mutations: read or refused, never a trap")
  func damage() {
    let whole = list(
      [Entry(serial: [1], extensions: [reason(1)]), Entry(serial: [2])],
      extensions: [OCSPExtension(identifier: [0x55, 0x1D, 0x14], value: [0x02, 0x01, 0x05])])
    for count in 0..<whole.count { #expect(throws: RecordError.self) { try records(Array(whole[..<count])) } }
    var random = SeededGenerator(seed: 12)
    for _ in 0..<10_000 {
      var changed = whole
      changed[Int.random(in: 0..<whole.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      _ = try? records(changed)
    }
  }
}

@Suite("CRL number")
struct CRLNumberTests {
  private func number(_ octets: [UInt8]) -> CRLNumber? { CRLNumber(content: octets) }

  @Test("numbers are compared as numbers, whatever their length and their leading zeros")
  func order() throws {
    let ascending = try [[0], [1], [0x7F], [0, 0x80], [0, 0xFF], [1, 0], [0, 0xFF, 0xFF], [1, 0, 0]].map {
      try #require(number($0))
    }
    for (place, one) in ascending.enumerated() {
      for (otherPlace, other) in ascending.enumerated() { #expect((one < other) == (place < otherPlace)) }
    }
    #expect(number([0, 0, 5]) == CRLNumber(5) && number([0]) == CRLNumber(0))
    #expect(CRLNumber(.max).clamped == .max && CRLNumber(256).clamped == 256)
  }

  @Test("twenty octets are the most, and none is negative")
  func bounds() throws {
    let longest = try #require(number([UInt8](repeating: 0x7F, count: 20)))
    #expect(longest.clamped == .max && longest.description.hasPrefix("0x7F7F") && CRLNumber(10).description == "10")
    #expect(number([0] + [UInt8](repeating: 0xFF, count: 20)) != nil)
    #expect(number([1] + [UInt8](repeating: 0xFF, count: 20)) == nil)
    #expect(number([0x80]) == nil && number([]) == nil)
  }
}
