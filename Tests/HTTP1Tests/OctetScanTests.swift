import TestSupport
import Testing

@testable import HTTP1

@Suite("Searches that look at eight octets at a time")
struct OctetScanTests {
  private func expectSame(
    _ octets: [UInt8], _ range: Range<Int>, _ found: Int, _ isWanted: (UInt8) -> Bool, _ what: Comment
  ) {
    let wanted = range.first { isWanted(octets[$0]) } ?? range.upperBound
    #expect(found == wanted, what)
  }

  private func expectAllSame(_ octets: [UInt8], _ range: Range<Int>) {
    let span = octets.span
    expectSame(octets, range, OctetScan.firstControl(span, range), { $0 < 0x20 }, "controls in \(octets) \(range)")
    expectSame(
      octets, range, OctetScan.endOfVisible(span, range), { $0 <= 0x20 || $0 >= 0x7F }, "visible in \(octets) \(range)")
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.".utf8)
    expectSame(
      octets, range, OctetScan.endOfPlainName(span, range), { !plain.contains($0) }, "name in \(octets) \(range)")
    expectSame(
      octets, range, OctetScan.first(0x3F, or: 0x23, in: span, range), { $0 == 0x3F || $0 == 0x23 },
      "query in \(octets) \(range)")
  }

  @Test("every octet at every place, behind octets of every kind")
  func everyOctet() {
    for filling in [0x41, 0x7E, 0x21, 0x80, 0xFF, 0x20, 0x22, 0x24, 0x3E, 0x40] as [UInt8] {
      for place in 0..<20 {
        for octet in UInt8.min...UInt8.max {
          var octets = [UInt8](repeating: filling, count: 20)
          octets[place] = octet
          expectAllSame(octets, 0..<20)
        }
      }
    }
  }

  @Test("ranges of every beginning and length, in octets of chance")
  func ranges() {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<200 {
      let octets = (0..<40).map { _ in
        Int.random(in: 0..<12, using: &random) == 0 ? UInt8.random(in: 0...255, using: &random) : UInt8(0x41)
      }
      let start = Int.random(in: 0...40, using: &random)
      expectAllSame(octets, start..<Int.random(in: start...40, using: &random))
    }
  }
}
