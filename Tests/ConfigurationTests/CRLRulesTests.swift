import Configuration
import Testing

@Suite("CRL rules")
struct CRLRulesTests {
  private func read(_ crl: String, role: String = "") throws(ConfigurationError) -> Configuration {
    let text = "{ \(role) issuers: [{ name: 'a', certificate: 'c', signer: { key: 'k' }, crl: { \(crl) } }] }"
    return try Configuration(Array(text.utf8), environment: [:])
  }

  private func problems(_ crl: String, role: String = "") -> [String] {
    do throws(ConfigurationError) {
      _ = try read(crl, role: role)
      return []
    } catch {
      return error.problems
    }
  }

  @Test("files and URLs are taken, with the values that nobody says")
  func defaults() throws {
    let text = "sources: ['ca.crl', '/a b/ca.crl', 'http://a/ca.crl', 'HTTPS://a:8443/?x=y']"
    let crl = try #require(try read(text).issuers[0].crl)
    #expect(crl.sources.count == 4 && crl.intervalSeconds == 300 && crl.maximumBytes == 128 << 20)
    #expect(crl.maximumAgeSeconds == nil && crl.authority == nil)
    #expect(try read("").issuers[0].crl == nil)
  }

  @Test("what cannot be fetched, is there twice or has nothing to be for is told with its key")
  func refusals() {
    for (crl, place, word) in [
      ("sources: ['ldap://a/b']", "sources", "ldap://a/b"), ("sources: ['a', 'ftp://a/b']", "sources", "[1]"),
      ("sources: ['http://']", "sources", "http://"), ("sources: ['http://a b/']", "sources", "a path"),
      ("sources: ['https:///a.crl']", "sources", "a path"),
      ("sources: ['a', 'b', 'a']", "sources", "[2] is the same as [0]"),
      ("maximumAge: '1d'", "maximumAge", "no issuers[0].crl.sources"),
      ("authority: 'a.pem'", "authority", "no issuers[0].crl.sources"),
      ("sources: ['http://a/b'], authority: 'a.pem'", "authority", "https"),
      ("sources: ['http://a/b'], maximumAge: '5m'", "maximumAge", "5m"),
    ] {
      let found = problems(crl)
      #expect(found.count == 1 && found[0].hasPrefix("issuers[0].crl.\(place): "), "\(found)")
      #expect(found.first?.contains(word) == true, "\(found)")
    }
    // A file is read when it changes, whatever the interval.
    #expect(problems("sources: ['a'], maximumAge: '1m'") == [])
  }

  @Test("an edge has nothing that a CRL could go into")
  func edges() {
    let found = problems("sources: ['a']", role: "role: 'edge', redis: { nodes: ['a:1'] },")
    #expect(found.count == 1 && found[0].hasPrefix("issuers[0].crl.sources: an edge"), "\(found)")
  }
}
