import OCSP
import Responder
import Testing

@Suite("Surrogate keys")
struct SurrogateKeyTests {
  private func serial(_ octets: [UInt8]) throws -> SerialNumber { try #require(SerialNumber(content: octets)) }

  @Test("a certificate's key has its serial and its issuer's name, an issuer's its name")
  func forms() throws {
    #expect(SurrogateKey.text(issuerName: "web", serial: try serial([0x00, 0xAB, 0x0C])) == "c-00AB0C-web")
    #expect(SurrogateKey.text(issuerName: "web") == "i-web")
  }

  @Test("no two certificates share a key, and none has an issuer's, whatever issuers are called")
  func distinct() throws {
    let names = ["a", "A", "a-01", "01", "01-a", "c", "c-01", "c-01-a", "i", "i-a", "-", "issuer", "i-c-01-a"]
    let serials = [try serial([1]), try serial([0, 1]), try serial([1, 1]), try serial([0xAA])]
    let keys =
      names.map { SurrogateKey.text(issuerName: $0) }
      + names.flatMap { name in serials.map { SurrogateKey.text(issuerName: name, serial: $0) } }
    #expect(Set(keys).count == keys.count)
  }

  @Test("a key is made of characters that every cache takes")
  func characters() throws {
    let key = SurrogateKey.text(
      issuerName: "A.z_0-9", serial: try serial([UInt8](repeating: 0xFE, count: SerialNumber.maximumOctets)))
    #expect(key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) })
  }

  @Test("what is divided by blanks is, and what is divided by commas")
  func separators() {
    #expect(SurrogateKeyField.allCases.map(\.separator) == [" ", ",", ","])
  }
}
