import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

@Suite("Issuer table and questions")
struct QuestionTests {
  private func table(_ policy: IssuerPolicy = IssuerPolicy()) throws -> IssuerTable {
    try IssuerTable([Sample.issuer(index: 0, policy: policy), Sample.issuer(index: 1, policy: policy)])
  }

  private func ask(
    _ table: IssuerTable, _ certIDs: [CertID], nonce: [UInt8]? = nil
  ) throws -> Question {
    let der = OCSPRequest.encoded(certIDs: certIDs, nonce: nonce)
    return table.question(try OCSPRequest(der.span), der: der.span)
  }

  @Test("every issuer is found under each hash, and both hashes must match")
  func lookup() throws {
    let table = try table()
    for issuer in table.issuers {
      for hash in HashAlgorithm.allCases {
        var certID = try #require(issuer.certID(Sample.serial(1), hash))
        #expect(table.index(of: certID) == issuer.index)
        certID.issuerKeyHash = Sample.digest(0xEE, hash.digestCount)
        #expect(table.index(of: certID) == nil)
        certID = try #require(issuer.certID(Sample.serial(1), hash))
        certID.issuerNameHash = Sample.digest(0xEE, hash.digestCount)
        #expect(table.index(of: certID) == nil)
      }
    }
  }

  @Test("one issuer's name hash with the other's key hash is nobody's")
  func mixedHashes() throws {
    let table = try table()
    var certID = try #require(table.issuers[0].certID(Sample.serial(1), .sha1))
    certID.issuerKeyHash = try #require(table.issuers[1].identifiers[.sha1]).keyHash
    #expect(table.index(of: certID) == nil)
  }

  @Test("the same CA cannot be configured twice")
  func duplicates() {
    let one = Sample.issuer(index: 0)
    let twin = Issuer(
      index: IssuerIndex(1), storeID: one.storeID, name: "twin", policy: one.policy, identifiers: one.identifiers,
      credential: one.credential, credentialIndex: one.credentialIndex, keys: one.keys,
      issuerNotBefore: one.issuerNotBefore)
    #expect(throws: IssuerTable.DuplicateIssuer.self) { try IssuerTable([one, twin]) }
  }

  @Test("a plain question is for the cache; a nonce or several certificates are signed live")
  func kinds() throws {
    let table = try table()
    let one = try #require(table.issuers[0].certID(Sample.serial(1), .sha256))
    let two = try #require(table.issuers[0].certID(Sample.serial(2), .sha1))
    let other = try #require(table.issuers[1].certID(Sample.serial(2), .sha1))
    guard case .cached(let key) = try ask(table, [one]) else {
      Issue.record("not for the cache")
      return
    }
    #expect(key == ResponseKey(issuer: IssuerIndex(0), hashAlgorithm: .sha256, serial: Sample.serial(1)))
    guard case .live(let live) = try ask(table, [one, two], nonce: [1, 2]) else {
      Issue.record("not live")
      return
    }
    #expect(live.entries.map(\.encodedCertID) == [one.encoded(), two.encoded()])
    #expect(live.nonce == OCSPRequest.wrapped([1, 2]))
    guard case .unauthorized = try ask(table, [one, other]) else {
      Issue.record("one signature cannot speak for two CAs")
      return
    }
  }

  @Test("where nonces are ignored, the question is a plain one")
  func ignoredNonce() throws {
    var policy = IssuerPolicy()
    policy.echoesNonce = false
    let table = try table(policy)
    let certID = try #require(table.issuers[0].certID(Sample.serial(1), .sha1))
    guard case .cached = try ask(table, [certID], nonce: [1, 2, 3]) else {
      Issue.record("the nonce was not ignored")
      return
    }
  }

  @Test("an unknown issuer is unauthorized")
  func unknownIssuer() throws {
    let table = try table()
    var certID = try #require(table.issuers[0].certID(Sample.serial(1), .sha1))
    certID.issuerNameHash = Sample.digest(0xEE, 20)
    guard case .unauthorized = try ask(table, [certID]) else {
      Issue.record("answered for somebody else's CA")
      return
    }
  }
}
