import Configuration
import Testing

/// What holds for every key, by going through the settings table.
@Suite("Settings table")
struct SettingsTableTests {
  /// Problems with one key set, the rest as it is by itself, or with what an environment adds.
  private func problems(_ path: String, _ value: String, environment: [String: String] = [:]) -> [String] {
    var general: [String: String] = [:]
    // No programme, so that limits of single keys are looked at and not the rules between them.
    var issuer = ["name": "'demo'", "certificate": "'c'", "signer.key": "'k'", "publicProgramme": "false"]
    // What is said of CRLs needs some.
    if path.hasPrefix("issuers[].crl.") { issuer["crl.sources"] = "'a.crl'" }
    var lists = ""
    if path.hasPrefix("issuers[].") {
      issuer[String(path.dropFirst(10))] = value
    } else if path.hasPrefix("purge[].") {
      // The driver that takes most of the keys; PurgeRulesTests has what the others want.
      var purge = ["name": "'cdn'", "driver": "'akamai'", "secretFile": "'s'"]
      purge[String(path.dropFirst(8))] = value
      lists = "purge: [{ \(members(purge)) }],"
      general["surrogateKeys"] = "['Edge-Cache-Tag']"
      issuer["urls"] = "['http://a/']"
    } else {
      general[path] = value
    }
    let text = "{ \(members(general)) \(lists) issuers: [{ \(members(issuer)) }] }"
    do throws(ConfigurationError) {
      _ = try Configuration(Array(text.utf8), environment: environment)
      return []
    } catch {
      return error.problems
    }
  }

  private func members(_ values: [String: String]) -> String {
    var result = ""
    var groups: [String: [String: String]] = [:]
    for (path, value) in values {
      if let dot = path.firstIndex(of: ".") {
        groups[String(path[..<dot]), default: [:]][String(path[path.index(after: dot)...])] = value
      } else {
        result += "\(path): \(value), "
      }
    }
    for (group, inside) in groups { result += "\(group): { \(members(inside)) }, " }
    return result
  }

  private func place(_ path: String) -> String { path.replacing("[]", with: "[0]") }

  private func isRefused(_ path: String, _ value: String) -> Bool {
    let found = problems(path, value)
    return found.count == 1 && found[0].hasPrefix(place(path) + ": ") && found[0].contains("expected")
  }

  @Test("every limit is taken, and one beyond it is refused by a message with the key and what it may hold")
  func limits() {
    for setting in SettingsTable.settings {
      switch setting.kind {
      case .integer(let range), .size(let range):
        for limit in [range.lowerBound, range.upperBound] {
          #expect(problems(setting.path, "\(limit)") == [], "\(setting.path) \(limit)")
        }
        for beyond in [range.lowerBound - 1, range.upperBound + 1] {
          #expect(isRefused(setting.path, "\(beyond)"), "\(setting.path) \(beyond)")
        }
      case .duration(let range, let words):
        // Between refreshAge, maxAge and validity there are rules; what they say is told of elsewhere.
        let isAlone = !["issuers[].refreshAge", "issuers[].maxAge", "issuers[].validity"].contains(setting.path)
        for limit in isAlone ? [range.lowerBound, range.upperBound] : [] {
          #expect(problems(setting.path, "'\(limit)s'") == [], "\(setting.path) \(limit)")
        }
        for word in words { #expect(problems(setting.path, "'\(word)'") == [], "\(setting.path) \(word)") }
        #expect(isRefused(setting.path, "'\(range.upperBound + 1)s'"), "\(setting.path)")
        if range.lowerBound > 0 { #expect(isRefused(setting.path, "'\(range.lowerBound - 1)s'"), "\(setting.path)") }
      case .milliseconds(let range):
        for limit in [range.lowerBound, range.upperBound] {
          #expect(problems(setting.path, "'\(limit)ms'") == [], "\(setting.path) \(limit)")
        }
        #expect(isRefused(setting.path, "'\(range.lowerBound - 1)ms'"), "\(setting.path)")
        #expect(isRefused(setting.path, "'\(range.upperBound / 1000 + 1)s'"), "\(setting.path)")
        #expect(isRefused(setting.path, "'1m'") && isRefused(setting.path, "100"), "\(setting.path)")
      case .choice(let names), .choices(let names):
        // An edge needs more than its name, and so do most drivers; RedisRulesTests and PurgeRulesTests have it.
        for name in names where name != "edge" && (setting.path != "purge[].driver" || name == "fastly") {
          #expect(problems(setting.path, "'\(name)'") == [], "\(setting.path) \(name)")
        }
        #expect(isRefused(setting.path, "'\(names[0])x'"), "\(setting.path)")
      case .boolean:
        // It says nothing without a stream; EventRules has a word for that, and the interoperability tests have it.
        if setting.path == "issuers[].events.stream" { continue }
        #expect(problems(setting.path, "true") == [] && problems(setting.path, "false") == [])
      case .text, .texts: break
      case .oneOrMoreTexts:
        #expect(problems(setting.path, "'a,b'") == [] && problems(setting.path, "['a', 'b,c']") == [])
        #expect(isRefused(setting.path, "[]") && isRefused(setting.path, "''"))
      }
    }
  }

  @Test("a value of another kind is refused, whatever the key")
  func kinds() {
    for setting in SettingsTable.settings {
      let values = ["{}", "[[]]", "[1]", "-1", "1.5", "NaN", "Infinity", "1e300", "'3 d'", "'99999999999999999999d'"]
      for value in values {
        switch (setting.kind, value) {
        // A text may be anything.
        case (.text, "'3 d'"), (.texts, "'3 d'"), (.oneOrMoreTexts, "'3 d'"): continue
        case (.text, "'99999999999999999999d'"), (.texts, "'99999999999999999999d'"),
          (.oneOrMoreTexts, "'99999999999999999999d'"):
          continue
        default: #expect(isRefused(setting.path, value), "\(setting.path): \(value): \(problems(setting.path, value))")
        }
      }
    }
  }

  @Test("numbers are digits: no sign, no blank, no other script, no unit that is not written exactly")
  func numbers() {
    for text in ["+3d", "-0s", " 3d", "3d ", "3D", "3.0d", "3", "d", "", "\u{0663}d", "0x3d", "3dd", "1w"] {
      #expect(isRefused("issuers[].keepExpired", "'\(text)'"), "\(text)")
    }
    for text in ["+1MiB", "-0", "1 MiB", "1MB", "1mib", "MiB", "", "1048576.0", "9223372036854775807GiB"] {
      #expect(isRefused("cache.memory", "'\(text)'"), "\(text)")
    }
    for text in ["+4", "-0", " 4", "4 ", "0x4", "four", ""] {
      #expect(isRefused("workers", "'\(text)'"), "\(text)")
    }
    #expect(problems("cache.memory", "'1048576B'") == [] && problems("cache.memory", "1048576") == [])
  }

  /// What has to stand beside a key.
  private static func companions(_ path: String) -> [String: String] {
    if path == "purge[].service" { return ["AVOUCH_PURGE_CDN_DRIVER": "fastly"] }
    if path.hasPrefix("purge[].request.") {
      return [
        "AVOUCH_PURGE_CDN_DRIVER": "http", "AVOUCH_PURGE_CDN_REQUEST_URL": "{url}",
        "AVOUCH_PURGE_CDN_REQUEST_HEADERS": "A: {secret}",
      ]
    }
    if path.hasPrefix("issuers[].crl.") { return ["AVOUCH_ISSUERS_DEMO_CRL_SOURCES": "https://a/b.crl"] }
    let sentinel = ["TOPOLOGY": "sentinel", "MASTERNAME": "m", "SENTINELPASSWORDFILE": "p"]
    let beside: [String: String] =
      switch path {
      case "redis.user", "redis.passwordFile": ["PASSWORDFILE": "p"]
      case "redis.masterName", "redis.sentinelUser", "redis.sentinelPasswordFile": sentinel
      case "redis.tls.certificate", "redis.tls.key":
        ["TLS_ENABLED": "true", "TLS_CERTIFICATE": "c", "TLS_KEY": "k"]
      case _ where path.hasPrefix("redis.tls."): ["TLS_ENABLED": "true"]
      default: [:]
      }
    if path.contains("events.stream") {
      return [
        "AVOUCH_EVENTS_STREAM": "s", "AVOUCH_ISSUERS_DEMO_EVENTS_STREAM": "true", "AVOUCH_REDIS_NODES": "a:1",
      ]
    }
    if path.hasPrefix("events.tls.") {
      return [
        "AVOUCH_EVENTS_LISTEN": ":1", "AVOUCH_ISSUERS_DEMO_EVENTS_SECRETFILES": "s",
        "AVOUCH_EVENTS_TLS_CERTIFICATE": "c", "AVOUCH_EVENTS_TLS_KEY": "k",
      ]
    }
    if path.contains("events.") {
      return ["AVOUCH_EVENTS_LISTEN": ":1", "AVOUCH_ISSUERS_DEMO_EVENTS_SECRETFILES": "s"]
    }
    guard !beside.isEmpty else { return [:] }
    return Dictionary(uniqueKeysWithValues: beside.map { ("AVOUCH_REDIS_" + $0.key, $0.value) })
      .merging(["AVOUCH_REDIS_NODES": "a:1"]) { first, _ in first }
  }

  /// For keys without default that take not any text.
  private static let goodValues = [
    "issuers[].refreshAge": "1h", "issuers[].crl.maximumAge": "1d", "issuers[].urls": "http://a/", "redis.nodes": "a:1",
    "surrogateKeys": "Cache-Tag", "purge[].driver": "fastly", "purge[].endpoint": "https://a",
    "purge[].checkAt": "http://a:1",
  ]

  @Test("every key has a variable, and what it holds is looked at like what a file holds")
  func variables() {
    for setting in SettingsTable.settings {
      let path = setting.path.replacing("issuers[]", with: "issuers.demo").replacing("purge[]", with: "purge.cdn")
      let name = "AVOUCH_" + path.replacing(".", with: "_").uppercased()
      let good = setting.standard ?? SettingsTableTests.goodValues[setting.path] ?? "text"
      var environment = SettingsTableTests.companions(setting.path)
      // A switch of an issuer that needs its other end: on, as its companions have it.
      if environment[name] == nil { environment[name] = good }
      let (key, value) = path.hasPrefix("purge.") ? ("purge[].timeout", "'9s'") : ("workers", "1")
      #expect(problems(key, value, environment: environment) == [], "\(name)=\(good)")
      switch setting.kind {
      case .text, .texts, .oneOrMoreTexts: continue
      default:
        let found = problems(key, value, environment: [name: "\u{1}"])
        #expect(found.contains { $0.hasPrefix(place(setting.path) + ": ") }, "\(name): \(found)")
      }
    }
  }

  @Test("no two keys share a variable")
  func distinctVariables() {
    let names = SettingsTable.settings.map { $0.path.replacing("[]", with: "").replacing(".", with: "_").uppercased() }
    #expect(Set(names).count == names.count)
  }

  @Test("twenty thousand mutations and every truncation: read or refused with a message, never a trap")
  func mutations() {
    let text = Array(
      """
      { /* a */ store: 'x\\'y', "listen": ["0.0.0.0:80", 'unix:/a b',], // b
        limits: { requestHead: 8192, retryAfter: "2s" }, cache: { memory: 0x1000000 },
        issuers: [{ name: "demo", certificate: "ca", signer: { key: "k", keyPasswordFile: "p" }, validity: '3d' }] }
      """.utf8)
    func isTakenOrTold(_ octets: [UInt8]) -> Bool {
      do throws(ConfigurationError) {
        return try !Configuration(octets, environment: [:]).issuers.isEmpty
      } catch {
        return !error.problems.isEmpty && error.problems.allSatisfy { !$0.isEmpty }
      }
    }
    for length in text.indices { #expect(isTakenOrTold(Array(text[..<length]))) }
    var state: UInt64 = 36
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let telling = Array("{}[]:,'\"\\/*\n\u{0}0-+.eEx".utf8)
    for _ in 0..<20_000 {
      var octets = text
      for _ in 0...random(3) {
        switch random(4) {
        case 0: octets[random(octets.count)] = UInt8(random(256))
        case 1: octets.insert(telling[random(telling.count)], at: random(octets.count))
        case 2: octets.remove(at: random(octets.count))
        default: octets[random(octets.count)] = telling[random(telling.count)]
        }
      }
      #expect(isTakenOrTold(octets), "\(String(decoding: octets, as: UTF8.self))")
    }
  }
}
