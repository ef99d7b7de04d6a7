import Testing

@testable import PKCS11Signer

@Suite("r and s as Ecdsa-Sig-Value")
struct ECDSASignatureTests {
  private func der(_ raw: [UInt8]) -> [UInt8]? {
    unsafe raw.withUnsafeBytes { unsafe ECDSASignature.der($0) }
  }

  @Test("leading zeros go, a leading one bit gets a zero in front (X.690 8.3)")
  func integers() {
    #expect(der([0x00, 0x01, 0x00, 0x80]) == [0x30, 0x07, 0x02, 0x01, 0x01, 0x02, 0x02, 0x00, 0x80])
    #expect(der([0x7F, 0xFF, 0x80, 0x00]) == [0x30, 0x09, 0x02, 0x02, 0x7F, 0xFF, 0x02, 0x03, 0x00, 0x80, 0x00])
  }

  @Test("every first octet, at every length of every curve, gives the shortest integer")
  func everyOctet() throws {
    for half in [32, 48, 66] {
      for first in UInt8.min...UInt8.max {
        for zeros in [0, 1, half - 1] {
          var number = [UInt8](repeating: 0x55, count: half)
          for place in 0..<zeros { number[place] = 0 }
          number[zeros] = max(first, 1)
          let content = Array(number[zeros...])
          let padded = (number[zeros] >= 0x80 ? [0] : []) + content
          let integer = [0x02, UInt8(padded.count)] + padded
          let both = integer + integer
          let length: [UInt8] = both.count < 128 ? [UInt8(both.count)] : [0x81, UInt8(both.count)]
          #expect(der(number + number) == [0x30] + length + both)
        }
      }
    }
  }

  @Test("what is no pair of positive numbers is none")
  func refused() {
    for raw in [[], [1], [1, 2, 3], [0, 0], [0, 1], [1, 0]] as [[UInt8]] { #expect(der(raw) == nil) }
    #expect(der([UInt8](repeating: 1, count: 134)) == nil)
  }
}
