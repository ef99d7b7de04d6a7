import CalendarTime
import Responder
import TestSupport
import Testing

@Suite("Credentials in memory")
struct CredentialTableTests {
  private func valid(_ notBefore: Int64, _ notAfter: Int64) -> SigningCredential {
    Sample.credential(
      7, notBefore: Sample.start.advanced(bySeconds: notBefore), notAfter: Sample.start.advanced(bySeconds: notAfter))
  }

  private func directory(
    _ credential: SigningCredential, _ store: MemoryStore, after previous: IssuerDirectory? = nil
  ) throws -> IssuerDirectory {
    try IssuerDirectory.make(
      [Sample.settings(keys: [FakeSigner()], credential: credential)], session: try store.openSession(),
      now: Sample.start, after: previous)
  }

  @Test("a certificate that is renewed for the same key changes the dates and no number")
  func renewed() throws {
    let store = MemoryStore()
    let first = try directory(valid(-100, 1000), store)
    let index = first.issuers.issuers[0].credentialIndex
    for previous in [first, nil] {
      let next = try directory(valid(-10, 2000), store, after: previous)
      let issuer = next.issuers.issuers[0]
      #expect(issuer.credentialIndex == index && issuer.credential == valid(-10, 2000))
      let entry = next.credential(of: issuer)
      #expect(entry.credential == valid(-100, 2000) && entry.storeID == first.credentials[index].storeID)
      #expect(next.credentials.entries.count == 1 && next.credentials.index(of: entry.storeID) == index)
    }
    #expect(first.credentials[index].credential == valid(-100, 1000), "what is in force stays as it is")
  }

  @Test("one that ends earlier than answers in memory may is another to them")
  func shortened() throws {
    let store = MemoryStore()
    let first = try directory(valid(-100, 2000), store)
    let index = first.issuers.issuers[0].credentialIndex
    let next = try directory(valid(-100, 1000), store, after: first)
    let issuer = next.issuers.issuers[0]
    #expect(issuer.credentialIndex != index && next.credential(of: issuer).credential == valid(-100, 1000))
    #expect(next.credentials[index].credential == valid(-100, 2000))
    #expect(next.credentials.index(of: next.credentials[index].storeID) == issuer.credentialIndex)
    let again = try directory(valid(-100, 1000), store, after: next)
    #expect(again.issuers.issuers[0].credentialIndex == issuer.credentialIndex && again.credentials.entries.count == 2)
  }
}
