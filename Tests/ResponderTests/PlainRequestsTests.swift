import OCSP
import TestSupport
import Testing

@testable import Responder

/// The quick way to a question against the parser.
@Suite("Requests recognised by comparing")
struct PlainRequestsTests {
  private static func table() throws -> IssuerTable {
    try IssuerTable((0..<40).map { Sample.issuer(index: UInt16($0)) })
  }

  private func parsed(_ der: [UInt8], _ table: IssuerTable) -> ResponseKey? {
    guard let request = try? OCSPRequest(der.span, limits: OCSPRequest.Limits()), !request.isSigned,
      case .cached(let key) = table.question(request, der: der.span)
    else { return nil }
    return key
  }

  private func serial(_ count: Int, _ random: inout SeededGenerator) throws -> SerialNumber {
    try #require(SerialNumber(content: (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }))
  }

  @Test("every issuer, hash and length of serial gives what the parser gives")
  func everyForm() throws {
    let table = try PlainRequestsTests.table()
    let plain = PlainRequests(table)
    var random = SeededGenerator(seed: 1)
    var recognised = 0
    for issuer in table.issuers {
      for hash in HashAlgorithm.allCases {
        for count in 1...32 {
          let certID = try #require(issuer.certID(serial(count, &random), hash))
          let der = OCSPRequest.encoded(certIDs: [certID])
          let key = plain.key(of: der.span)
          if key != nil { recognised += 1 }
          let wanted = parsed(der, table)
          #expect(wanted?.issuer == issuer.index && wanted?.hashAlgorithm == hash && wanted?.serial == certID.serial)
          #expect(key == wanted || (key == nil && der.count > 129), "\(hash), \(count)")
        }
      }
    }
    #expect(recognised >= 40 * 2 * 32, "all with SHA-1 and SHA-256 at least")
  }

  @Test("what requests have in common is what they have from the thirteenth octet on")
  func commonParts() throws {
    let table = try PlainRequestsTests.table()
    let parts = PlainRequests.commonParts(table)
    var random = SeededGenerator(seed: 3)
    for hash in [HashAlgorithm.sha1, .sha256] {
      for issuer in table.issuers {
        let der = OCSPRequest.encoded(certIDs: [try #require(issuer.certID(serial(16, &random), hash))])
        let fitting = parts.filter { der.dropFirst(12).starts(with: $0) }
        // Behind it are the serial's tag, length and octets.
        #expect(fitting.map(\.count) == [der.count - 12 - 18])
      }
    }
  }

  @Test("with any bit another, or cut off, or longer: recognised only as what the parser takes it for")
  func mutations() throws {
    let table = try PlainRequestsTests.table()
    let plain = PlainRequests(table)
    var random = SeededGenerator(seed: 2)
    for hash in [HashAlgorithm.sha1, .sha256] {
      for count in [1, 16, 20] {
        let certID = try #require(table.issuers[3].certID(serial(count, &random), hash))
        let der = OCSPRequest.encoded(certIDs: [certID])
        for place in der.indices {
          for bit in 0..<8 {
            var damaged = der
            damaged[place] ^= 1 << UInt8(bit)
            let key = plain.key(of: damaged.span)
            #expect(key == nil || key == parsed(damaged, table), "bit \(bit) of octet \(place)")
          }
          #expect(plain.key(of: der.span.extracting(0..<place)) == nil)
        }
        #expect(plain.key(of: (der + [0]).span) == nil)
      }
    }
  }

  @Test("other forms are left to the parser: a nonce, two certificates, nobody's issuer, a retired one")
  func others() throws {
    var issuers = (0..<3).map { Sample.issuer(index: UInt16($0)) }
    let retired = try #require(issuers[2].certID(Sample.serial(1), .sha1))
    issuers[2] = issuers[2].retired
    let plain = PlainRequests(try IssuerTable(issuers))
    let certID = try #require(issuers[1].certID(Sample.serial(1), .sha1))
    #expect(plain.key(of: OCSPRequest.encoded(certIDs: [certID]).span) != nil)
    #expect(plain.key(of: OCSPRequest.encoded(certIDs: [certID], nonce: [1, 2, 3]).span) == nil)
    #expect(plain.key(of: OCSPRequest.encoded(certIDs: [certID, certID]).span) == nil)
    #expect(plain.key(of: OCSPRequest.encoded(certIDs: [retired]).span) == nil)
    let foreign = try #require(Sample.issuer(index: 30).certID(Sample.serial(1), .sha1))
    #expect(plain.key(of: OCSPRequest.encoded(certIDs: [foreign]).span) == nil)
    #expect(PlainRequests(try IssuerTable([])).key(of: OCSPRequest.encoded(certIDs: [certID]).span) == nil)
  }
}
