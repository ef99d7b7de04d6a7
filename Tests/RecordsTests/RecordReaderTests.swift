import CalendarTime
import OCSP
import Records
import Responder
import Testing

@Suite("Record readers")
struct RecordReaderTests {
  private func all(_ reader: any RecordReader) throws -> [CertificateRecord] {
    var records: [CertificateRecord] = []
    while let batch = try reader.next() { records += batch }
    return records
  }

  private func index(_ text: String) throws -> [CertificateRecord] {
    try all(OpenSSLIndexReader(Array(text.utf8), name: "index.txt"))
  }

  private func csv(_ text: String) throws -> [CertificateRecord] {
    try all(CSVReader(Array(text.utf8), name: "a.csv"))
  }

  private func time(_ text: String) -> UnixTime? { UnixTime(iso8601: text) }

  @Test("index.txt: every kind of row and every reason that openssl ca writes")
  func indexRows() throws {
    let text = """
      # a comment
      V\t271124085705Z\t\t01\tunknown\t/CN=a
      E\t20\t\t\t\t
      """
    #expect(throws: RecordError.self) { try index(text) }
    let records = try index(
      "V\t271124085705Z\t\t01\tunknown\t/CN=a\r\n\nE\t20201124085705Z\t\tFF\tunknown\t/CN=b\n"
        + "R\t991124085705Z\t261101000000Z\t0A\tunknown\t/CN=c\n"
        + "R\t271124085705Z\t20261101000000Z,CACompromise\t0B\tunknown\t/CN=d\n"
        + "R\t271124085705Z\t261101000000Z,holdInstruction,1.2.840.10040.2.2\t0C\tunknown\t/CN=e\n"
        + "R\t271124085705Z\t261101000000Z,CAkeyTime,20260930000000Z\t0D\tunknown\t/CN=f\n"
        + "R\t271124085705Z\t261101000000Z,keyTime,20260930000000Z\t0E\tunknown\t/CN=g\n"
        + "E\t201124085705Z\t191101000000Z,superseded\t0F\tunknown\t/CN=a\\\ttab")
    #expect(records.map(\.serial.hexadecimal) == ["01", "00FF", "0A", "0B", "0C", "0D", "0E", "0F"])
    #expect(records[0].status == .good && records[1].status == .good)
    #expect(records[2].notAfter == time("1999-11-24T08:57:05Z"))
    #expect(
      records.dropFirst(2).map { $0.revocation?.reason } == [
        nil, .caCompromise, .certificateHold, .caCompromise, .keyCompromise, .superseded,
      ])
    #expect(records[2].revocation?.time == time("2026-11-01T00:00:00Z"))
    let invalidity = SingleExtension.invalidityDate(try #require(time("2026-09-30T00:00:00Z")))
    #expect(records[5].singleExtensions == invalidity && records[6].singleExtensions == invalidity)
    for reason in RevocationReason.allCases where reason != .removeFromCRL {
      let row = try index("R\t271124085705Z\t261101000000Z,\(reason.name)\t01\tunknown\t/CN=a\n")
      #expect(row[0].revocation?.reason == reason)
    }
  }

  @Test(
    "a broken index.txt names its line and what was expected",
    arguments: [
      ("V\t271124085705Z\t\t02\tunknown", "5 fields; expected 6"),
      ("X\t271124085705Z\t\t02\tunknown\t/CN=a", "the status 'X'"),
      ("V\t271324085705Z\t\t02\tunknown\t/CN=a", "the expiry '271324085705Z'"),
      ("V\t271124085705Z\t\tXY\tunknown\t/CN=a", "the serial 'XY'"),
      ("V\t271124085705Z\t261101000000Z\t02\tunknown\t/CN=a", "valid certificate (V) with a revocation"),
      ("R\t271124085705Z\t\t02\tunknown\t/CN=a", "has no time"),
      ("R\t271124085705Z\t261101000000Z,because\t02\tunknown\t/CN=a", "the reason 'because'"),
      ("R\t271124085705Z\t261101000000Z,keyTime\t02\tunknown\t/CN=a", "keyTime needs the time"),
      (
        "R\t271124085705Z\t261101000000Z,removeFromCRL\t02\tunknown\t/CN=a",
        "the serial 02 is revoked for removeFromCRL"
      ),
      ("R\t271124085705Z\t261101000000Z,removeFromCRL\t02\tunknown\t/CN=a", "give it the status V and an empty"),
      ("V\t271124085705Z\t\t01\tunknown\t/CN=a", "stands on line 1 already"),
    ])
  func brokenIndex(row: String, expected: String) {
    #expect { try index("V\t271124085705Z\t\t01\tunknown\t/CN=a\n\(row)\n") } throws: { error in
      "\(error)".contains("index.txt, line 2: ") && "\(error)".contains(expected)
    }
  }

  @Test("a serial that comes again far below names the line it stood on first, in every format of text")
  func farDuplicates() {
    let serials = (1...5000).map { String($0, radix: 16) } + ["07"]
    let rows = serials.map { "V\t271124085705Z\t\t\($0)\tunknown\t/CN=a\n" }
    #expect { try index(rows.joined()) } throws: {
      "\($0)".contains("index.txt, line 5001: the serial 07 stands on line 7 already")
    }
    #expect { try csv("serial\r\n" + serials.joined(separator: "\r\n")) } throws: {
      "\($0)".contains("a.csv, line 5002: the serial 07 stands on line 8 already")
    }
  }

  @Test("CSV: columns in any order, quotes, and what is left out")
  func csvRows() throws {
    let records = try csv(
      "\u{FEFF}Reason,serial,revokedAt,status,notAfter\r\nkeyCompromise,\"0A\",2026-11-01T00:00:00Z,revoked,2027-11-01\r\n"
        + ",0b,,good,\r\n,0c,2026-11-01 00:00:00Z,,\r\n")
    #expect(records.map(\.serial.hexadecimal) == ["0A", "0B", "0C"])
    #expect(records[0].revocation == Revocation(time: UnixTime(seconds: 1_793_491_200), reason: .keyCompromise))
    #expect(records[0].notAfter == time("2027-11-01T00:00:00Z") && records[1].status == .good)
    #expect(records[2].revocation != nil)
    #expect(try csv("serial\n01\n02\n").count == 2)
    let other = try csv(
      "Serial Number,not_after,Revocation-Date,revocationReason\n01,20271101000000Z,20261101000000Z,superseded\n")
    #expect(other[0].notAfter == time("2027-11-01T00:00:00Z") && other[0].revocation?.reason == .superseded)
    let own = OCSPExtension(identifier: [0x2A, 0x03], value: [5, 0]).encoded()
    let hex = own.map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined()
    #expect(try csv("serial,extensions\n01,\(hex)\n")[0].singleExtensions == own)
  }

  @Test(
    "a broken CSV file names its line and column",
    arguments: [
      ("", "the file is empty"), ("serials\n", "there is no column 'serials'"), ("status\n", "'serial' is missing"),
      ("serial,serial\n", "twice"), ("serial\nzz\n", "line 2: column serial: 'zz'"),
      ("serial,status\n01,bad\n", "column status: 'bad'"),
      ("serial,status\n01\n", "1 fields; the first row has 2"), ("serial,status\n01,revoked\n", "column revokedAt"),
      ("serial,revokedAt\n01,yesterday\n", "column revokedAt: 'yesterday'"),
      ("serial,status,reason\n01,good,superseded\n", "the status is good"),
      ("serial,revokedAt,reason\n01,2026-01-01,x\n", "column reason: 'x'"), ("serial\n\"01\n", "a quote is not closed"),
      ("serial\n01\n01\n", "stands on line 2 already"), ("serial\n\"01\"x\n", "follows a closing quote"),
      ("serial,extensions\n01,300\n", "even number"), ("serial,extensions\n01,3005\n", "not DER"),
      ("serial,extensions\n01,\(String(repeating: "05", count: 4097))\n", "4097 octets"),
    ])
  func brokenCSV(text: String, expected: String) {
    #expect { try csv(text) } throws: { "\($0)".contains("a.csv") && "\($0)".contains(expected) }
  }

  private func hexadecimal(_ extensions: [OCSPExtension]) -> String {
    extensions.flatMap { $0.encoded() }.map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined()
  }

  @Test("extensions that have no place in an answer's singleExtensions are refused with line, serial and column")
  func misplacedExtensions() throws {
    let own = OCSPExtension(identifier: [0x2A, 0x03], value: [5, 0])
    let other = OCSPExtension(identifier: [0x2A, 0x04], value: [5, 0])
    let null: [UInt8] = [5, 0]
    for (bad, expected) in [
      ([own, own], "1.2.3 is there twice"),
      ([own, other, OCSPExtension(identifier: own.identifier, value: [1, 1, 0])], "1.2.3 is there twice"),
      ([other, OCSPExtension(identifier: [0x2A, 0x03], isCritical: true, value: null)], "1.2.3 is critical"),
      (
        [OCSPExtension(identifier: ObjectIdentifier.archiveCutoff, isCritical: true, value: null)], "48.1.6 is critical"
      ),
      ([OCSPExtension(identifier: ObjectIdentifier.nonce, value: [4, 1, 1])], "1.3.6.1.5.5.7.48.1.2 does not belong"),
      ([own, OCSPExtension(identifier: ObjectIdentifier.extendedRevoke, value: null)], "48.1.9 does not belong"),
      ([OCSPExtension(identifier: ObjectIdentifier.acceptableResponses, value: null)], "48.1.4 does not belong"),
      ([OCSPExtension(identifier: ObjectIdentifier.serviceLocator, value: null)], "48.1.7 does not belong"),
      (
        [OCSPExtension(identifier: ObjectIdentifier.preferredSignatureAlgorithms, value: null)],
        "48.1.8 does not belong"
      ),
      ([OCSPExtension(identifier: ObjectIdentifier.reasonCode, value: [10, 1, 1])], "2.5.29.21 does not belong"),
      ([OCSPExtension(identifier: [0x80, 0x01], value: null)], "no OBJECT IDENTIFIER"),
    ] {
      #expect { try csv("serial,extensions\n01,\n0b0B,\(hexadecimal(bad))\n") } throws: { error in
        "\(error)".contains("a.csv, line 3: the serial 0B0B, column extensions: ") && "\(error)".contains(expected)
      }
    }
    let good = [own, other, OCSPExtension(identifier: ObjectIdentifier.archiveCutoff, value: null)]
    #expect(
      try csv("serial,extensions\n01,\(hexadecimal(good))\n")[0].singleExtensions == good.flatMap { $0.encoded() })
  }
}
