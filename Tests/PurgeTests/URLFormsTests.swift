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
    // SHA-1 and SHA-256, NULL and absent, and what NSS sends.
    #expect(requests.count == 5)
    #expect(all.contains { $0.description.hasPrefix("http://ocsp.example.com//") })
    #expect(all.contains { $0.description.hasPrefix("http://other.example.com:8080/ca/1/M") })
    #expect(all.contains { $0.target.contains("%3D") } && all.contains { $0.target.hasSuffix("=") })
    #expect(all.contains { $0.target.contains("%3d") })
    #expect(all.count <= 80)
  }

  @Test("the commonest form is the first, one for each URL")
  func commonest() {
    let serial = Sample.serial(5)
    #expect(forms().commonest(serial).map(\.host) == ["ocsp.example.com", "other.example.com:8080"])
    #expect(forms().all(serial).first == forms().commonest(serial).first)
  }

  @Test("hashes that are signed ahead are purged too")
  func presigned() {
    var issuer = Sample.issuer()
    let before = forms(issuer).all(Sample.serial(1)).count
    issuer.policy.presignedAlgorithms = [.sha1, .sha384]
    #expect(forms(issuer).all(Sample.serial(1)).count > before)
  }
}
