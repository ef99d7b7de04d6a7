import CalendarTime
import DER
import Testing

@Suite("DER reader")
struct DERReaderTests {
  /// The content of one element that must be all there is, or the error.
  private func content(_ octets: [UInt8], _ tag: DERTag = .octetString) -> Result<[UInt8], DERError> {
    let span = octets.span
    var reader = DERReader(span)
    do throws(DERError) {
      let range = try reader.read(tag)
      try reader.finish()
      return .success(Array(octets[range]))
    } catch {
      return .failure(error)
    }
  }

  private func problem(_ octets: [UInt8], _ tag: DERTag = .octetString) -> DERError.Problem? {
    if case .failure(let error) = content(octets, tag) { return error.problem }
    return nil
  }

  @Test("all 256 first octets: only the tag asked for is read, and long tags are told apart")
  func everyTag() {
    for octet in UInt8.min...UInt8.max {
      let octets: [UInt8] = [octet, 1, 7]
      #expect((try? content(octets, .octetString).get()) == (octet == 0x04 ? [7] : nil))
      let span = octets.span
      var reader = DERReader(span)
      do throws(DERError) {
        let element = try reader.readElement()
        #expect(octet & 0x1F != 0x1F)
        #expect(element.tag.rawValue == octet && element.whole == 0..<3)
      } catch {
        #expect(octet & 0x1F == 0x1F && error.problem == .longTag)
      }
    }
  }

  @Test("all 256 length octets over 300 octets of content: only DER lengths that fit are read")
  func everyLength() {
    for length in UInt8.min...UInt8.max {
      let octets: [UInt8] = [0x04, length] + [UInt8](repeating: 0x55, count: 300)
      switch length {
      case 0..<0x80: #expect(problem(octets) == .trailingData)
      case 0x80: #expect(problem(octets) == .badLength)
      case 0x81: #expect(problem(octets) == .badLength, "0x55 fits the short form")
      case 0x82, 0x83, 0x84: #expect(problem(octets) == .truncated)
      default: #expect(problem(octets) == .badLength)
      }
    }
  }

  @Test("lengths that are not minimal are refused")
  func minimalLengths() {
    #expect(problem([0x04, 0x81, 0x01, 0xAA]) == .badLength)
    #expect(problem([0x04, 0x82, 0x00, 0x80] + [UInt8](repeating: 0, count: 128)) == .badLength)
    #expect(problem([0x04, 0x81, 0x80] + [UInt8](repeating: 0, count: 128)) == nil)
  }

  @Test("every truncation of nested elements is an error and never a read outside")
  func truncations() {
    var writer = DERWriter()
    writer.sequence { writer in
      writer.octetString([UInt8](repeating: 7, count: 200))
      writer.sequence { $0.null() }
    }
    let whole = writer.finish()
    #expect((try? content(whole, .sequence).get()) != nil)
    for count in 0..<whole.count { #expect((try? content(Array(whole[..<count]), .sequence).get()) == nil) }
  }

  @Test("a nested reader cannot leave its element")
  func nesting() throws {
    // The inner OCTET STRING says three octets where its SEQUENCE has room for one.
    let octets: [UInt8] = [0x30, 0x03, 0x04, 0x03, 0x01, 0x02, 0x03]
    let span = octets.span
    var reader = DERReader(span)
    var inside = reader.inside(try reader.read(.sequence))
    var found: DERError?
    do throws(DERError) { _ = try inside.read(.octetString) } catch { found = error }
    #expect(found == DERError(.truncated, offset: 2))
  }

  @Test("booleans, integers, enumerated values and bit strings of the wrong shape are refused")
  func contents() {
    func fails(_ octets: [UInt8], _ read: (inout DERReader) throws(DERError) -> Void) -> Bool {
      let span = octets.span
      var reader = DERReader(span)
      do throws(DERError) { try read(&reader) } catch { return true }
      return false
    }
    for octet in UInt8.min...UInt8.max {
      let isWrong = fails([0x01, 0x01, octet]) { reader throws(DERError) in _ = try reader.readBoolean() }
      #expect(isWrong == (octet != 0 && octet != 0xFF))
      let isBadBits = fails([0x03, 0x02, octet, 0xAA]) { reader throws(DERError) in _ = try reader.readWholeBitString()
      }
      #expect(isBadBits == (octet != 0))
    }
    #expect(fails([0x02, 0x00]) { reader throws(DERError) in _ = try reader.readIntegerOctets() })
    #expect(fails([0x0A, 0x02, 0x00, 0x01]) { reader throws(DERError) in _ = try reader.readSmallEnumerated() })
    #expect(fails([0x03, 0x00]) { reader throws(DERError) in _ = try reader.readWholeBitString() })
  }

  @Test("times: one form each of UTCTime and GeneralizedTime, and no other")
  func times() {
    func time(_ tag: UInt8, _ text: String) -> UnixTime? {
      let octets = [tag, UInt8(text.utf8.count)] + Array(text.utf8)
      let span = octets.span
      var reader = DERReader(span)
      do throws(DERError) { return try reader.readTime() } catch { return nil }
    }
    #expect(time(0x17, "240402123747Z") == UnixTime(iso8601: "2024-04-02T12:37:47Z"))
    #expect(time(0x17, "500101000000Z") == UnixTime(iso8601: "1950-01-01T00:00:00Z"))
    #expect(time(0x17, "491231235959Z") == UnixTime(iso8601: "2049-12-31T23:59:59Z"))
    #expect(time(0x18, "20240402123747Z") == UnixTime(iso8601: "2024-04-02T12:37:47Z"))
    for bad in [
      "20240402123747", "20240402123747.5Z", "20240230000000Z", "2024040212374xZ", "20240402123747+0100",
      "202404021237Z",
    ] {
      #expect(time(0x18, bad) == nil, "\(bad)")
    }
  }

  @Test("what the writer writes the reader reads, at every length around the forms' borders")
  func roundTrip() throws {
    for count in [0, 1, 126, 127, 128, 129, 253, 254, 255, 256, 257, 65_535, 65_536, 70_000] {
      var writer = DERWriter()
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      writer.constructed(.sequence) { $0.octetString(bytes) }
      let octets = writer.finish()
      let span = octets.span
      var reader = DERReader(span)
      var inside = reader.inside(try reader.read(.sequence))
      #expect(Array(octets[try inside.read(.octetString)]) == bytes)
      try inside.finish()
      try reader.finish()
    }
  }
}
