import Configuration
import Foundation
import Testing

@Suite("Configuration")
struct ConfigurationTests {
  private let minimal = #"{ issuers: [{ name: "demo", certificate: "ca.pem", signer: { key: "key.pem" } }] }"#

  private func read(_ text: String, _ environment: [String: String] = [:]) throws -> Configuration {
    try Configuration(Array(text.utf8), environment: environment)
  }

  /// The problems of a configuration whose one issuer has these keys too.
  private func problems(issuer: String, rest: String = "") -> [String] {
    let text =
      "{ \(rest) issuers: [{ name: 'demo', certificate: 'ca.pem', signer: { key: 'key.pem' }, \(issuer) }] }"
    do {
      _ = try read(text)
      return []
    } catch {
      return (error as? ConfigurationError)?.problems ?? ["\(error)"]
    }
  }

  @Test("what nobody says has its default, comments and trailing commas are fine")
  func defaults() throws {
    let configuration = try read("// mine\n" + minimal.replacingOccurrences(of: "}]", with: ",},]") + "/* end */")
    #expect(configuration.store == "avouch.sqlite" && configuration.listen == ["0.0.0.0:8080"])
    #expect(configuration.cacheBytes == 256 << 20 && configuration.limits.requestBodyBytes == 16_384)
    let issuer = configuration.issuers[0]
    #expect(issuer.isPublicProgramme && issuer.unissued == "unauthorized" && issuer.presign == ["sha1"])
    #expect(issuer.validitySeconds == 3 * 86_400 && issuer.refreshAgeSeconds == 35 * 3600)
    #expect(issuer.signerCertificate == nil && issuer.digest == nil && !issuer.isPSS && issuer.archiveCutoff == .none)
  }

  @Test("every problem is told at once, each with its key, what it holds and what it may hold")
  func allProblems() {
    let found = problems(
      issuer: "validity: '3 weeks', unisued: 'good', nonce: 7, padding: 3",
      rest: "cache: { memory: '1TB' }, workers: 2.5, limits: 3, Store: 'x',")
    for (key, part) in [
      ("issuers[0].validity", "'3 weeks' is not possible; expected a duration"), ("issuers[0].unisued", "no such key"),
      ("issuers[0].nonce", "7 is not possible; expected one of"), ("issuers[0].padding", "no such key"),
      ("cache.memory", "'1TB'"), ("workers", "2.5"),
      ("limits", "holds 3; an object is expected"), ("Store", "did you mean 'store'?"),
    ] {
      #expect(found.contains { $0.hasPrefix(key + ": ") && $0.contains(part) }, "\(key): \(found)")
    }
    #expect(found.count == 8)
    #expect { try read("{ issuers: [{ name: 'a', certificate: 'c', signer: { padding: 'oaep' } }] }") } throws: {
      "\($0)".contains("issuers[0].signer.key: is missing") && "\($0)".contains("'oaep' is not possible")
    }
  }

  @Test("a syntax error names its place")
  func syntax() {
    for (text, expected) in [
      ("{ issuers: [\n  { name: 'a' \n certificate: 'b' } ] }", "line 3, column 2: ',' or '}'"),
      ("{", "line 1, column 2"),
      ("{ a: [1 2] }", "column 9: ',' or ']'"), ("{ a: 'x\n' }", "column 6: a quoted text"),
      ("{ a 1 }", "':' is expected"),
      ("{ a: 1, 'a': 2 }", "column 9: the key 'a' stands twice"), ("{} {}", "something follows"), ("{ /* ", "no end"),
      ("{ a: 12x }", "not JSON5"), (String(repeating: "[", count: 100), "too deeply nested"),
    ] {
      #expect { try read(text) } throws: { "\($0)".contains(expected) }
    }
    #expect(throws: ConfigurationError.self) { try read("") }
    #expect(throws: ConfigurationError.self) { try read("[]") }
    #expect(throws: ConfigurationError.self) { try read("{ issuers: [] }") }
  }

  @Test("environment variables override the file, and unknown ones are refused")
  func environment() throws {
    let configuration = try read(
      minimal,
      [
        "AVOUCH_CACHE_MEMORY": "1GiB", "AVOUCH_WORKERS": "4", "AVOUCH_LISTEN": "127.0.0.1:1, unix:/a",
        "AVOUCH_ISSUERS_DEMO_VALIDITY": "2d", "AVOUCH_ISSUERS_DEMO_SIGNER_KEYPASSWORDFILE": "pw", "PATH": "/bin",
        "AVOUCH_ISSUERS_DEMO_PUBLICPROGRAMME": "false",
      ])
    #expect(configuration.cacheBytes == 1 << 30 && configuration.workers == 4)
    #expect(configuration.listen == ["127.0.0.1:1", "unix:/a"])
    #expect(configuration.issuers[0].validitySeconds == 2 * 86_400)
    #expect(configuration.issuers[0].keyPasswordFile == "pw" && !configuration.issuers[0].isPublicProgramme)
    #expect { try read(minimal, ["AVOUCH_CASHE_MEMORY": "1"]) } throws: { "\($0)".contains("AVOUCH_CASHE_MEMORY") }
    #expect { try read(minimal, ["AVOUCH_WORKERS": "many"]) } throws: { "\($0)".contains("workers: 'many'") }
  }

  @Test(
    "what the public programmes forbid is refused, with a word on how to lift it (standards 36, 43)",
    arguments: [
      "validity: '7h'", "validity: '8d'", "validity: '10d'", "validity: 'forever'", "unissued: 'good'",
      "unissued: 'revoked'",
      "validity: '7d', refreshAge: '5d'", "validity: '16h', refreshAge: '9h'", "validity: '12h', refreshAge: '6h'",
      "validity: '2d', refreshAge: '25h'",
    ])
  func programmes(issuer: String) {
    let found = problems(issuer: issuer)
    #expect(!found.isEmpty && found.allSatisfy { $0.contains("publicProgramme: false") }, "\(found)")
    #expect(problems(issuer: issuer + ", publicProgramme: false") == [])
  }

  @Test(
    "what the programmes allow is taken",
    arguments: [
      "validity: '8h'", "validity: '7d'", "validity: '16h'", "validity: '15h'", "unissued: 'unknown'",
      "validity: '4d', refreshAge: '2d'",
    ])
  func allowed(issuer: String) {
    #expect(problems(issuer: issuer) == [])
  }

  @Test("impossible combinations are refused whatever the programme")
  func combinations() {
    for (issuer, key) in [
      ("validity: '1h', refreshAge: '1h', publicProgramme: false", "refreshAge"),
      ("validity: '1h', maxAge: '2h', publicProgramme: false", "maxAge"),
      ("validity: '30s', publicProgramme: false", "validity"),
    ] {
      #expect(problems(issuer: issuer).contains { $0.hasPrefix("issuers[0].\(key): ") }, "\(issuer)")
    }
    let twins =
      "{ issuers: [\(String(repeating: "{ name: 'a', certificate: 'c', signer: { key: 'k' } },", count: 2))] }"
    #expect { try read(twins) } throws: { "\($0)".contains("issuers[1].name: 'a' is the name of issuers[0] already") }
    let odd = "{ issuers: [{ name: 'a b', certificate: 'c', signer: { key: 'k' } }] }"
    #expect { try read(odd) } throws: { "\($0)".contains("'a b' is not possible") }
  }

  @Test("the schema and the documentation say what the settings table says")
  func documentation() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let schema = try String(contentsOf: root.appendingPathComponent("docs/configuration.schema.json"), encoding: .utf8)
    #expect(schema == ConfigurationSchema.text + "\n", "run: avouch config schema > docs/configuration.schema.json")
    let object = try JSONSerialization.jsonObject(with: Data(schema.utf8)) as? [String: Any]
    let properties = try #require(object?["properties"] as? [String: Any])
    #expect(
      Set(properties.keys) == [
        "store", "listen", "control", "workers", "cache", "signing", "surrogateKeys", "role", "redis", "events",
        "limits", "issuers", "purge",
      ])
    let page = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
    #expect(page.contains(ConfigurationSchema.table), "run: avouch config table, and put it into docs/configuration.md")
  }

  @Test("the examples of the documentation are configurations")
  func examples() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
    let configurations = try page.components(separatedBy: "```json5\n").dropFirst().map { rest in
      try read(String(rest[..<(try #require(rest.range(of: "```")).lowerBound)]))
    }
    #expect(configurations.map(\.issuers.count) == [2, 1] && configurations[1].purge.count == 3)
  }
}
