import OCSP
import Responder
import TestSupport
import Testing

@testable import HTTP1
@testable import Purge

struct URLFormsTests {
  private let urls = [ResponderURL("http://ocsp.example.com/"), ResponderURL("http://other.example.com:8080/ca/1")]
    .compactMap { $0 }

  private func forms(_ issuer: Issuer = Sample.issuer()) -> URLForms { URLForms(issuer, urls: urls) }

  /// The DER behind the last responder's URL of a target.
  private func request(_ url: PurgeURL) throws -> [UInt8] {
    var text = Array(url.target.utf8)
    if url.host.hasPrefix("other") { text = Array(text.dropFirst("/ca/1".utf8.count)) }
    text = Array(text.drop { $0 == UInt8(ascii: "/") })
    var octets = [UInt8](repeating: 0, count: 1000)
    var output = octets.mutableSpan
    let count = try #require(Base64.decodeTarget(text.span, into: &output))
    return Array(octets.prefix(count))
  }

  @Test("every form asks for this certificate, by an issuer of ours")
  func meaning() throws {
    let issuer = Sample.issuer()
    for number in [1, 77, 1_000_000_007] {
      let serial = Sample.serial(number)
      for url in forms(issuer).all(serial) {
        let der = try request(url)
        let parsed = try OCSPRequest(der.span, limits: .init())
        let question = try IssuerTable([issuer]).question(parsed, der: der.span)
        guard case .cached(let key) = question else {
          Issue.record("\(url) is not answered from the cache")
          continue
        }
        #expect(key.serial == serial)
      }
    }
  }

  @Test("both hashes, both ways to write parameters, one and two slashes, coded and raw, all are there")
  func variety() throws {
    let all = forms().all(Sample.serial(5))
    #expect(Set(all).count == all.count)
    var requests: Set<[UInt8]> = []
    for url in all { requests.insert(try request(url)) }
    // SHA-1 and SHA-256, NULL and absent, with a version, and what NSS sends.
    #expect(requests.count == 6)
    #expect(all.contains { $0.description.hasPrefix("http://ocsp.example.com//") })
    #expect(all.contains { $0.description.hasPrefix("http://other.example.com:8080/ca/1/M") })
    #expect(all.contains { $0.target.contains("%3D") } && all.contains { $0.target.hasSuffix("=") })
    #expect(all.contains { $0.target.contains("%3d") })
    #expect(all.count <= 96)
  }

  @Test("the forms that most clients use: percent-coded, which is the first of all, and raw, for each URL")
  func common() throws {
    // Of six octets: its requests end in padding.
    let serial = try #require(SerialNumber(content: [1, 2, 3, 4, 5, 6]))
    let common = forms().common(serial)
    #expect(
      common.map(\.host) == ["ocsp.example.com", "other.example.com:8080"] + [
        "ocsp.example.com", "other.example.com:8080",
      ])
    #expect(common[0].target.contains("%3D") && common[2].target.contains("="))
    #expect(forms().all(serial).first == common.first)
    #expect(Set(common).isSubset(of: Set(forms().all(serial))))
  }

  @Test("Apple's clients write the version out: their requests begin so")
  func version() {
    // As it stands in records of traffic: SEQUENCE, SEQUENCE, [0] version 0, and a SHA-1 CertID of 20 octets each.
    let serial = SerialNumber(content: [UInt8](repeating: 0x11, count: 8)) ?? Sample.serial(1)
    #expect(forms().all(serial).contains { $0.target.hasPrefix("/ME4wTKADAgEAMEUwQzBBMAkGBSsOAwIaBQAEF") })
  }

  @Test("hashes that are signed ahead are purged too")
  func presigned() {
    let before = forms().all(Sample.serial(1)).count
    var policy = IssuerPolicy()
    policy.presignedAlgorithms = [.sha1, .sha384]
    #expect(forms(Sample.issuer(policy: policy)).all(Sample.serial(1)).count > before)
  }
}
