import Configuration
import Testing

@Suite("Purge rules")
struct PurgeRulesTests {
  private let varnish = "driver: 'varnish', endpoint: 'http://a:1'"

  private func read(
    _ purges: [String], rest: String = "", urls: String = "urls: ['http://a/']", environment: [String: String] = [:]
  ) throws(ConfigurationError) -> Configuration {
    let list = purges.enumerated().map { "{ name: 'c\($0)', \($1) }" }.joined(separator: ", ")
    let issuer = "{ name: 'i', certificate: 'c', signer: { key: 'k' }, \(urls) }"
    return try Configuration(
      Array("{ \(rest) purge: [\(list)], issuers: [\(issuer)] }".utf8), environment: environment)
  }

  private func problems(
    _ purges: String..., rest: String = "", urls: String = "urls: ['http://a/']", environment: [String: String] = [:]
  ) -> [String] {
    do throws(ConfigurationError) {
      _ = try read(purges, rest: rest, urls: urls, environment: environment)
      return []
    } catch {
      return error.problems
    }
  }

  @Test("what nobody says has its default")
  func defaults() throws {
    let purge = try #require(try read([varnish]).purge.first)
    #expect(purge.name == "c0" && purge.driver == .varnish && !purge.isByKey && purge.endpoint == "http://a:1")
    #expect(purge.service == nil && purge.secretFile == nil && !purge.isStaging && purge.request == nil)
    #expect(purge.authority == nil && purge.connections == 4 && purge.timeoutSeconds == 10)
    #expect(purge.repeatAfterSeconds == 2 && purge.check == .common && purge.checkAt == nil)
    #expect(try read([varnish + ", repeatAfter: 'never'"]).purge[0].repeatAfterSeconds == nil)
    let configuration = try read([], urls: "urls: ['http://a/', 'http://b:80/x']")
    #expect(configuration.purge == [] && configuration.surrogateKeyFields == [])
    #expect(configuration.issuers[0].urls == ["http://a/", "http://b:80/x"])
  }

  @Test("a request of one's own is taken as it is written, with POST where nobody says")
  func template() throws {
    let request =
      "url: 'https://a/{key}', headers: ['A: b: c ', 'X-Empty:'], body: '{\"files\":[\"{url}\"],\"{}\":{a1}}'"
    let purge = try read(["driver: 'http', request: { \(request) }"], rest: "surrogateKeys: ['Cache-Tag'],").purge[0]
    let template = try #require(purge.request)
    #expect(template.method == "POST" && template.url == "https://a/{key}")
    #expect(template.headers.map(\.name) == ["A", "X-Empty"] && template.headers.map(\.value) == ["b: c", ""])
    #expect(template.body == "{\"files\":[\"{url}\"],\"{}\":{a1}}")
  }

  @Test(
    "every driver with what it needs",
    arguments: [
      "driver: 'nginx', endpoint: 'https://[::1]:8443', authority: 'a.pem', secretFile: 's'",
      "driver: 'fastly', secretFile: 's'", "driver: 'fastly', secretFile: 's', by: 'key', service: 'aB_-9'",
      "driver: 'cloudflare', secretFile: 's', service: 'z', endpoint: 'http://127.0.0.1:1'",
      "driver: 'akamai', secretFile: 's', network: 'staging', by: 'key', authority: 'a.pem'",
      "driver: 'http', request: { method: 'PURGE', url: '{url}' }, checkAt: 'http://a'",
      "driver: 'http', request: { url: 'http://{host}:81{target}' }",
      "driver: 'http', by: 'key', request: { url: 'https://a/{issuer}/{serial}' }, authority: 'a.pem'",
      "driver: 'http', secretFile: 's', request: { url: 'http://a{target}', headers: ['Host: {host}', 'A: {secret}'] }",
    ])
  func drivers(purge: String) {
    #expect(problems(purge, rest: "surrogateKeys: ['Surrogate-Key', 'Edge-Cache-Tag'],") == [])
  }

  @Test("what a driver lacks, and what it knows nothing of, is told with its key")
  func refusals() {
    for (purge, key, words) in [
      ("driver: 'varnish'", "endpoint", "is missing"), ("driver: 'nginx'", "endpoint", "is missing"),
      ("driver: 'varnish', endpoint: 'a:1'", "endpoint", "'a:1' is not possible; expected http://host:port"),
      ("driver: 'varnish', endpoint: 'http://a/b/'", "endpoint", "with a path where purges have one"),
      ("driver: 'nginx', endpoint: 'http://a/b?c'", "endpoint", "with a path where purges have one"),
      ("driver: 'fastly', secretFile: 's', endpoint: 'http://a/b'", "endpoint", "nothing behind it"),
      ("driver: 'varnish', endpoint: 'http://a:0'", "endpoint", "'http://a:0'"),
      ("driver: 'varnish', endpoint: 'http://u@a'", "endpoint", "'http://u@a'"),
      ("driver: 'fastly', secretFile: 's', endpoint: 'ftp://a'", "endpoint", "'ftp://a'"),
      ("driver: 'http', endpoint: 'http://a', request: { url: '{url}' }", "endpoint", "request.url"),
      (varnish + ", service: 'x'", "service", "it is for fastly and cloudflare"),
      ("driver: 'akamai', secretFile: 's', service: 'x'", "service", "it is for fastly and cloudflare"),
      ("driver: 'cloudflare', secretFile: 's'", "service", "zone's ID"),
      ("driver: 'cloudflare', secretFile: 's', service: 'a/b'", "service", "'a/b' is not possible"),
      ("driver: 'fastly'", "secretFile", "API token"), ("driver: 'akamai'", "secretFile", ".edgerc"),
      ("driver: 'cloudflare', service: 'z'", "secretFile", "API token"),
      (varnish + ", network: 'production'", "network", "it is for akamai"),
      (varnish + ", authority: 'a.pem'", "authority", "https"),
      (varnish + ", check: 'one'", "check", "\"common\""),
      ("driver: 'http', request: { url: '{url}' }, authority: 'a.pem'", "authority", "request.url"),
      (varnish + ", checkAt: 'https://a:1'", "checkAt", "'https://a:1' is not possible"),
      (varnish + ", checkAt: 'http://a:1/'", "checkAt", "nothing behind it"),
      (varnish + ", checkAt: 'http://a:1', check: 'none'", "checkAt", "check is \"none\""),
      (varnish + ", request: { url: '{url}' }", "request.url", "it is for the driver http"),
      (varnish + ", request: { method: 'BAN' }", "request.method", "it is for the driver http"),
      ("driver: 'http'", "request.url", "is missing"),
    ] {
      let found = problems(purge)
      #expect(found.count == 1 && found[0].hasPrefix("purge[0].\(key): "), "\(purge): \(found)")
      #expect(found.first?.contains(words) == true, "\(purge): \(found)")
    }
  }

  @Test("a request of one's own that cannot be sent, or that says nothing, is told with its key")
  func requests() {
    let ofURLs = "there are {url}, {encodedURL}, {host}, {target}, {key}, {issuer} and {serial}"
    for (by, request, key, words) in [
      ("url", "url: '{url}', method: 'A B'", "request.method", "'A B' is not possible"),
      ("url", "url: '{url}', method: 'HEAD'", "request.method", "HEAD is not possible"),
      ("url", "url: '{uri}'", "request.url", "{uri} stands for nothing; " + ofURLs),
      ("url", "url: '{url}', body: '{Url}'", "request.body", "{Url} stands for nothing; " + ofURLs),
      ("url", "url: '{url}?{secret}'", "request.url", "{secret} is possible in header fields alone"),
      ("url", "url: '{url}', headers: ['A: {word}']", "request.headers", "{key}, {issuer}, {serial} and {secret}"),
      ("url", "url: 'a{target}'", "request.url", "'a{target}' is not possible"),
      ("url", "url: 'ftp://a{target}'", "request.url", "'ftp://a{target}' is not possible"),
      ("url", "url: 'https://a/ {serial}'", "request.url", "is not possible"),
      (
        "url", "url: 'https://a/', headers: ['A: {issuer}{host}']", "request",
        "expected {url}, {encodedURL}, {target}, {key} and"
      ),
      ("url", "url: '{url}', headers: ['A']", "request.headers", "[0]: 'A' is not possible; expected \"Name: value\""),
      ("url", "url: '{url}', headers: ['A: b', 'A b: c']", "request.headers", "[1]: 'A b: c' is not possible"),
      ("url", "url: '{url}', headers: ['A: b\\r\\nC: d']", "request.headers", "[0]: it holds a control character"),
      ("url", "url: '{url}', headers: ['Content-length: 1']", "request.headers", "every request has its own"),
      ("url", "url: '{url}', headers: ['A: {secret}']", "secretFile", "is missing"),
      ("key", "url: '{url}'", "request.url", "{url} is not possible with by: \"key\""),
      ("key", "url: 'http://a/{key}', body: '{target}'", "request.body", "there are {key}, {issuer} and {serial}"),
      ("key", "url: 'http://a/{issuer}'", "request", "expected {key} and {serial}"),
    ] {
      let found = problems(
        "driver: 'http', by: '\(by)', request: { \(request) }", rest: "surrogateKeys: ['Cache-Tag'],")
      #expect(found.count == 1 && found[0].hasPrefix("purge[0].\(key): "), "\(request): \(found)")
      #expect(found.first?.contains(words) == true, "\(request): \(found)")
    }
    let unused = problems("driver: 'http', secretFile: 's', request: { url: '{url}' }")
    #expect(unused == ["purge[0].secretFile: {secret} stands in none of purge[0].request.headers"])
    for (request, isEnough) in [("{key}", false), ("{issuer}/{key}", false), ("{serial}/{key}", true)] {
      let found = problems("driver: 'http', request: { url: 'http://a/\(request)' }")
      #expect(found.isEmpty == isEnough && found.allSatisfy { $0.contains("needs surrogateKeys") }, "\(found)")
    }
  }

  @Test("a purge by key needs the field that the cache reads")
  func keys() {
    for (purge, words) in [
      ("driver: 'fastly', service: 'x'", "needs \"Surrogate-Key\""),
      ("driver: 'cloudflare', service: 'x'", "needs \"Cache-Tag\""), ("driver: 'akamai'", "needs \"Edge-Cache-Tag\""),
      (varnish, "without them no answer has a key"),
      ("driver: 'nginx', endpoint: 'http://a'", "nginx has no keys; expected \"url\""),
    ] {
      let found = problems(purge + ", by: 'key', secretFile: 's'", urls: "urls: ['http://a/']")
      #expect(found.count == 1 && found[0].hasPrefix("purge[0].by: ") && found[0].contains(words), "\(found)")
    }
    #expect(problems(varnish + ", by: 'key'", rest: "surrogateKeys: ['Cache-Tag'],") == [])
    #expect(
      problems(rest: "surrogateKeys: ['Cache-Tag', 'Cache-Tag'],")
        == ["surrogateKeys: [1] is the same as [0]; each field once is expected"])
  }

  @Test("URLs are needed where they are purged or fetched, and there alone")
  func urls() {
    let tags = "surrogateKeys: ['Cache-Tag'],"
    for (purge, words) in [
      (varnish, "purge[0] ('c0') purges by URL"), (varnish + ", check: 'none'", "purges by URL"),
      (varnish + ", by: 'key', check: 'all'", "fetches answers after a purge (check is \"all\")"),
    ] {
      let found = problems(purge, rest: tags, urls: "")
      #expect(found.count == 1 && found[0].hasPrefix("issuers[0].urls: is missing; "), "\(found)")
      #expect(found.first?.contains(words) == true, "\(found)")
    }
    #expect(problems(varnish + ", by: 'key', check: 'none'", rest: tags, urls: "") == [])
    #expect(problems(urls: "") == [])
  }

  @Test(
    "a URL is what certificates may have",
    arguments: [
      "https://a/", "a", "http://", "http:///a", "http://a/?b", "http://a/#b", "http://a b/", "http://a/\u{FC}",
      "http://a:0/", "http://a:65536/", "http://a:/", "http://u@a/", "http://[::1/", "http://[]/", "http://a:b:1/",
      "http://a/\"],", "http://a/{secret}", "http://a/<b>",
    ])
  func badURLs(url: String) {
    let found = problems(urls: "urls: ['http://b', '\(url)']")
    #expect(found.count == 1 && found[0].hasPrefix("issuers[0].urls: '\(url)' at [1] is not possible"), "\(found)")
  }

  @Test("URLs of other hosts, ports and paths are taken, each once")
  func goodURLs() {
    #expect(problems(urls: "urls: ['http://a', 'HTTP://[::1]:8080/a/b', 'http://a-b.c:65535/%41~']") == [])
    #expect(
      problems(urls: "urls: ['http://a', 'http://a']")
        == ["issuers[0].urls: [1] is the same as [0]; each URL once is expected"])
  }

  @Test("an edge purges nothing, and may have what its answers carry")
  func edges() {
    let edge = "role: 'edge', redis: { nodes: ['a:1'] }, surrogateKeys: ['Cache-Tag'],"
    #expect(problems(varnish, rest: edge) == ["purge: an edge has no part in it; the origin purges"])
    #expect(problems(rest: edge) == [])
  }

  @Test("a list of caches, each of another name and at most 64")
  func lists() throws {
    let many = Array(repeating: varnish, count: 65)
    #expect(throws: Never.self) { try read(Array(many.dropLast())) }
    #expect {
      try read(many)
    } throws: {
      "\($0)" == "purge: 65 caches; at most 64 are possible"
    }
    #expect(problems(varnish, "name: 'c0', " + varnish).first?.contains("stands twice") == true)
    let twice = problems(varnish, varnish, environment: ["AVOUCH_PURGE_C1_NAME": "c0"])
    #expect(twice == ["purge[1].name: 'c0' is the name of purge[0] already"])
    let odd = problems(varnish, environment: ["AVOUCH_PURGE_C0_NAME": "a b"])
    #expect(odd == ["purge[0].name: 'a b' is not possible; expected 1 to 64 letters, digits, '.', '_' or '-'"])
    #expect(problems("endpoint: 'x'").first?.hasPrefix("purge[0].driver: is missing") == true)
    for (rest, words) in [
      ("purge: 3", "purge: holds 3; a list of caches is expected"),
      ("purge: [3]", "purge[0]: holds 3; an object is expected"),
      ("purge: [{ name: 'a', driver: 'squid' }]", "purge[0].driver: 'squid' is not possible; expected one of"),
    ] {
      #expect {
        try Configuration(
          Array("{ \(rest), issuers: [{ name: 'i', certificate: 'c', signer: { key: 'k' } }] }".utf8), environment: [:])
      } throws: {
        "\($0)".hasPrefix(words)
      }
    }
  }

  @Test("a variable reaches the cache that it names, and is refused where it may mean two or none")
  func overrides() throws {
    let purges = [varnish, varnish]
    let variables = ["AVOUCH_PURGE_C1_SECRETFILE": "s", "AVOUCH_PURGE_C0_REPEATAFTER": "never"]
    let purge = try read(purges, environment: variables).purge
    #expect(purge.map(\.secretFile) == [nil, "s"] && purge.map(\.repeatAfterSeconds) == [nil, 2])
    #expect(
      problems(varnish, environment: ["AVOUCH_PURGE_C1_SECRETFILE": "s"])
        == ["environment variable AVOUCH_PURGE_C1_SECRETFILE: it names no key of the configuration"])
    let twins = "{ purge: [{ name: 'a-b', \(varnish) }, { name: 'a.b', \(varnish) }], issuers: [] }"
    #expect {
      try Configuration(Array(twins.utf8), environment: ["AVOUCH_PURGE_A_B_TIMEOUT": "1s"])
    } throws: {
      "\($0)".contains("it names purge[0].timeout and purge[1].timeout; give one of them another name")
    }
  }
}
