import OCSP
import Testing

@Suite("Single extensions")
struct SingleExtensionTests {
  private func one(_ arc: UInt8, _ fill: UInt8, count: Int = 2) -> [UInt8] {
    OCSPExtension(identifier: [0x2A, arc], value: [UInt8](repeating: fill, count: count)).encoded()
  }

  private func merged(_ held: [UInt8], _ incoming: [UInt8], _ maximum: Int = 4096) -> [UInt8] {
    SingleExtension.merged(held: held, incoming: incoming, maximumOctets: maximum)
  }

  @Test("an incoming extension replaces that of its identifier, and others stay")
  func merging() {
    #expect(merged([], one(1, 1)) == one(1, 1))
    #expect(merged(one(1, 1), []) == one(1, 1))
    #expect(merged(one(1, 1), one(2, 2)) == one(1, 1) + one(2, 2))
    #expect(merged(one(1, 1) + one(2, 2) + one(3, 3), one(2, 9)) == one(1, 1) + one(2, 9) + one(3, 3))
    #expect(merged(one(1, 1) + one(1, 2), one(1, 3) + one(2, 1)) == one(1, 3) + one(2, 1))
    #expect(merged(one(2, 1), one(1, 1) + one(2, 2) + one(2, 3)) == one(2, 2) + one(2, 3) + one(1, 1))
  }

  @Test("two sources in turns settle: the second round changes nothing")
  func settling() {
    var held: [UInt8] = []
    for source in [one(1, 1), one(2, 2) + one(3, 3)] { held = merged(held, source) }
    for source in [one(1, 1), one(2, 2) + one(3, 3)] { #expect(merged(held, source) == held) }
  }

  @Test("what does not fit the bound is left out of what was held, never of what comes")
  func bound() {
    let held = one(1, 1, count: 60) + one(2, 2, count: 10)
    #expect(merged(held, one(3, 3, count: 50), 100) == one(2, 2, count: 10) + one(3, 3, count: 50))
    #expect(merged(held, one(1, 3, count: 90), 100) == one(1, 3, count: 90))
  }

  @Test("those of one identifier are found and taken out; what is not DER is left as it is")
  func removing() {
    let all = one(1, 1) + one(2, 2) + one(1, 3)
    #expect(SingleExtension.removing([0x2A, 1], from: all) == one(2, 2))
    #expect(SingleExtension.removing([0x2A, 3], from: all) == all)
    #expect(SingleExtension.removing([0x2A, 1], from: [0x30, 0x00]) == [0x30, 0x00])
    #expect(SingleExtension.contains([0x2A, 2], in: all) && !SingleExtension.contains([0x2A, 3], in: all))
    #expect(!SingleExtension.contains([0x2A, 2], in: []) && !SingleExtension.contains([0x2A, 2], in: [0x30, 0x00]))
  }

  @Test("what is not DER cannot be merged: what comes counts")
  func damaged() {
    #expect(merged([0x30, 0x00], one(1, 1)) == one(1, 1))
    #expect(merged(one(1, 1), [0x30, 0x05]) == [0x30, 0x05])
    #expect(merged([0x30, 0x05], []) == [0x30, 0x05])
  }

  @Test("object identifiers have their dotted form in messages (X.690 8.19)")
  func dotted() {
    for (octets, text) in [
      ([0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02], "1.3.6.1.5.5.7.48.1.2"),
      ([0x55, 0x1D, 0x15], "2.5.29.21"),
      ([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D], "1.2.840.113549"), ([0x00], "0.0"), ([0x27], "0.39"), ([0x28], "1.0"),
      ([0x4F], "1.39"), ([0x50], "2.0"), ([0x88, 0x37, 0x03], "2.999.3"),
      ([0x69] + [0x83] + [UInt8](repeating: 0xFF, count: 17) + [0x7F], "2.25.340282366920938463463374607431768211455"),
    ] as [([UInt8], String)] {
      #expect(ObjectIdentifier.text(of: octets) == text)
    }
    for bad in [
      [], [0x2A, 0x80, 0x01], [0x80], [0x2A, 0x83], [0x69, 0x84] + [UInt8](repeating: 0x80, count: 17) + [0],
    ] as [[UInt8]] {
      #expect(ObjectIdentifier.text(of: bad) == nil, "\(bad)")
    }
  }
}
