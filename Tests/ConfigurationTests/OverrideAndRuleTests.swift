import Configuration
import Testing

@Suite("Overrides and rules")
struct OverrideAndRuleTests {
  private func issuers(_ names: String...) -> String {
    "{ issuers: [\(names.map { "{ name: '\($0)', certificate: 'c', signer: { key: 'k' } }" }.joined(separator: ", "))] }"
  }

  private func read(_ text: String, _ environment: [String: String] = [:]) throws(ConfigurationError) -> Configuration {
    try Configuration(Array(text.utf8), environment: environment)
  }

  @Test(
    "a variable that may mean two issuers is refused, and the message names both",
    arguments: [
      ("a-b", "a.b", "A_B_VALIDITY", "2d"), ("demo", "Demo", "DEMO_VALIDITY", "2d"),
      // The signer's certificate of the one, and the certificate of the other.
      ("demo", "demo-signer", "DEMO_SIGNER_CERTIFICATE", "x.pem"),
      ("demo-signer", "demo", "DEMO_SIGNER_CERTIFICATE", "x.pem"),
    ])
  func ambiguous(first: String, second: String, variable: String, value: String) throws {
    #expect(try read(issuers(first, second)).issuers.count == 2)
    #expect {
      try read(issuers(first, second), ["AVOUCH_ISSUERS_" + variable: value])
    } throws: {
      "\($0)".contains("AVOUCH_ISSUERS_" + variable) && "\($0)".contains("issuers[0]") && "\($0)".contains("issuers[1]")
    }
  }

  @Test("issuers are named in variables as the file names them, also where a variable changes the name")
  func renamed() throws {
    let configuration = try read(
      issuers("demo"), ["AVOUCH_ISSUERS_DEMO_NAME": "other", "AVOUCH_ISSUERS_DEMO_VALIDITY": "2d"])
    #expect(configuration.issuers[0].name == "other" && configuration.issuers[0].validitySeconds == 2 * 86_400)
  }

  @Test("a variable reaches the issuer it names and no other")
  func oneIssuer() throws {
    let configuration = try read(issuers("a", "a-b", "c.1"), ["AVOUCH_ISSUERS_A_B_VALIDITY": "2d"])
    #expect(configuration.issuers.map(\.validitySeconds) == [3, 2, 3].map { $0 * 86_400 })
  }

  @Test("lists in variables lose the blanks around commas, and keep those inside a path")
  func lists() throws {
    let configuration = try read(issuers("a"), ["AVOUCH_LISTEN": " 127.0.0.1:1 ,\tunix:/my folder/socket , "])
    #expect(configuration.listen == ["127.0.0.1:1", "unix:/my folder/socket"])
    #expect { try read(issuers("a"), ["AVOUCH_LISTEN": " , "]) } throws: {
      "\($0)".contains("listen: the list is empty")
    }
  }

  @Test(
    "a variable may hold several keys, divided by commas that a URI follows",
    arguments: [
      ("pkcs11:a?b,pkcs11:c", ["pkcs11:a?b", "pkcs11:c"]), ("k,1.pem, PKCS11:c,d", ["k,1.pem", " PKCS11:c,d"]),
      ("pkcs11:a,b", ["pkcs11:a,b"]), ("a,b.pem", ["a,b.pem"]), ("pkcs11:a,", ["pkcs11:a,"]),
    ])
  func keyLists(text: String, keys: [String]) throws {
    #expect(try read(issuers("web"), ["AVOUCH_ISSUERS_WEB_SIGNER_KEY": text]).issuers[0].keys == keys)
  }

  @Test(
    "keys that are given twice, none, or with a password that opens none of them are refused",
    arguments: [
      ("key: []", "signer.key: the list is empty"),
      ("key: ['a', 'pkcs11:b', 'a']", "signer.key: [2] is the same as [0]"),
      ("key: 'pkcs11:a', keyPasswordFile: 'p'", "signer.keyPasswordFile: it opens key files"),
      ("key: [' PKCS11:a', 'pkcs11:b'], keyPasswordFile: 'p'", "pin-source="),
    ])
  func keys(signer: String, words: String) throws {
    #expect {
      try read("{ issuers: [{ name: 'a', certificate: 'c', signer: { \(signer) } }] }")
    } throws: {
      "\($0)".contains(words)
    }
  }

  @Test("a password may stand beside a key file and a URI")
  func mixedKeys() throws {
    let signer = "{ key: ['a.pem', 'pkcs11:b'], keyPasswordFile: 'p' }"
    #expect(try read("{ issuers: [{ name: 'a', certificate: 'c', signer: \(signer) }] }").issuers[0].keys.count == 2)
  }

  /// The ages that are refused and taken for a validity in a public programme, and the age where nobody says.
  ///
  @Test("null is refused, as the schema refuses it", arguments: ["workers", "limits", "cache"])
  func null(key: String) {
    let text = "{ \(key): null, issuers: [{ name: 'a', certificate: 'c', signer: { key: 'k' } }] }"
    #expect {
      try read(text)
    } throws: { error in
      "\((error as? ConfigurationError)?.problems ?? [])".contains("\(key): ") && "\(error)".contains("null")
    }
  }

  /// nextUpdate is thisUpdate plus the validity less one second (standards 36).
  @Test("a new answer is there in time to the second, and so it is where nobody says when")
  func renewal() throws {
    let hour = 3600
    let around16 = [16 * hour - 1, 16 * hour, 16 * hour + 1, 17 * hour]
    for validity in [8 * hour, 8 * hour + 1, 12 * hour] + around16 + [86_400, 7 * 86_400] {
      let nextUpdate = validity - 1
      func isAllowed(_ age: Int) -> Bool {
        if validity < 16 * hour { return 2 * (nextUpdate - age) > validity }
        return nextUpdate - age >= 8 * hour && age <= 4 * 86_400 && 2 * age <= validity
      }
      func issuer(_ rest: String) -> String {
        "{ issuers: [{ name: 'a', certificate: 'c', signer: { key: 'k' }, validity: '\(validity)s', \(rest) }] }"
      }
      let latest = try #require((0..<validity).last { isAllowed($0) })
      let standard = try read(issuer("")).issuers[0].refreshAgeSeconds
      // A queue of renewals may be minutes behind and still be in time.
      #expect(standard <= latest - 600 && standard >= latest - hour, "\(validity)")
      #expect(try read(issuer("refreshAge: '\(latest)s'")).issuers[0].refreshAgeSeconds == latest)
      #expect(throws: ConfigurationError.self, "\(validity)") { try read(issuer("refreshAge: '\(latest + 1)s'")) }
    }
  }

  @Test("where nobody says when, answers of every length are renewed before they end")
  func standardAge() throws {
    for validity in Array(60..<400) + [3600, 100 * 86_400, 36_500 * 86_400] {
      let times = "publicProgramme: false, validity: '\(validity)s', maxAge: '0s'"
      let issuer = "{ name: 'a', certificate: 'c', signer: { key: 'k' }, \(times) }"
      let age = try read("{ issuers: [\(issuer)] }").issuers[0].refreshAgeSeconds
      #expect(age > 0 && 2 * age <= validity && age <= 4 * 86_400, "\(validity)")
    }
  }
}
