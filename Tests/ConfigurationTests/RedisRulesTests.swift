import Testing

@testable import Configuration

@Suite("A fleet's settings")
struct RedisRulesTests {
  private let origin = "{ issuers: [{ name: 'a', certificate: 'a.pem', signer: { key: 'k.pem' } }],"
  private let edge = "{ role: 'edge', issuers: [{ name: 'a', certificate: 'a.pem' }],"

  private func read(_ text: String) throws -> Configuration {
    try Configuration(Array(text.utf8), environment: [:])
  }

  private func problems(_ text: String) -> [String] {
    do {
      _ = try read(text)
      return []
    } catch { return (error as? ConfigurationError)?.problems ?? ["\(error)"] }
  }

  @Test("without nodes there is no Redis, and with one all the rest has a default")
  func defaults() throws {
    #expect(try read(origin + "}").redis == nil)
    let redis = try #require(try read(origin + "redis: { nodes: ['127.0.0.1:6379'] } }").redis)
    #expect(redis.topology == .standalone && redis.push == .all && redis.reads == .master && redis.tls == nil)
    #expect(redis.lookupMilliseconds == 100 && redis.writeMilliseconds == 2000 && redis.leaseSeconds == 10)
    #expect(!redis.takesOver && redis.checkAfterSeconds == 5)
  }

  @Test("an edge needs no keys, and nothing without Redis; an origin needs a key")
  func roles() throws {
    let one = try read(edge + "redis: { nodes: ['redis.example:6379'] } }")
    #expect(one.isEdge && one.issuers[0].keys == [] && one.redis?.nodes == ["redis.example:6379"])
    #expect(problems(edge + "}").contains { $0.hasPrefix("redis.nodes: is missing; an edge") })
    #expect(
      problems("{ issuers: [{ name: 'a', certificate: 'a.pem' }] }")
        == ["issuers[0].signer.key: is missing; a text or a list of texts is expected"])
    #expect(
      problems(edge + "redis: { nodes: ['a:1'], takeOver: true } }").contains { $0.hasPrefix("redis.takeOver: ") })
  }

  @Test("every shape of a fleet that is possible is read")
  func topologies() throws {
    let shapes = [
      "nodes: ['a:1', 'b:2'], topology: 'replicas', reads: 'replicas'",
      "nodes: ['[::1]:26379'], topology: 'sentinel', masterName: 'm', sentinelUser: 'u', sentinelPasswordFile: 'p'",
      "nodes: ['a:1', '127.0.0.1:2'], topology: 'cluster', reads: 'replicaWhileMasterIsDown'",
      "nodes: 'a:1', user: 'u', passwordFile: 'p', tls: { enabled: true, authority: 'ca.pem' }, push: 'recent', recent: '1d'",
      "nodes: ['a:1'], tls: { enabled: true, certificate: 'c.pem', key: 'k.pem', serverName: 'redis' }, push: 'demand'",
    ]
    for shape in shapes { #expect(problems(origin + "redis: { \(shape) } }") == [], "\(shape)") }
    let last = try #require(try read(origin + "redis: { \(shapes[3]) } }").redis)
    #expect(last.push == .recent(seconds: 86_400) && last.tls?.authority == "ca.pem" && last.user == "u")
  }

  @Test(
    "what does not go together is refused by the key and the reason",
    arguments: [
      ("nodes: ['a']", "redis.nodes[0]: "), ("nodes: ['a:0']", "redis.nodes[0]: "),
      ("nodes: ['a:1', '::1:6379']", "redis.nodes[1]: "), ("nodes: ['a:1', 'b:1']", "redis.nodes: "),
      ("nodes: ['a:1'], topology: 'replicas'", "redis.nodes: "), ("nodes: ['a:1'], reads: 'replicas'", "redis.reads: "),
      ("nodes: ['a:1'], topology: 'sentinel'", "redis.masterName: "),
      ("nodes: ['a:1'], masterName: 'm'", "redis.masterName: "),
      ("nodes: ['a:1'], sentinelPasswordFile: 'p'", "redis.sentinelPasswordFile: "),
      ("nodes: ['a:1'], topology: 'cluster', database: 1", "redis.database: "),
      ("nodes: ['a:1'], user: 'u'", "redis.user: "), ("passwordFile: 'p'", "redis.passwordFile: "),
      ("nodes: ['a:1'], tls: { authority: 'a' }", "redis.tls.authority: "),
      ("nodes: ['a:1'], tls: { enabled: true, key: 'k' }", "redis.tls: "),
      ("nodes: ['a:1'], lookupDeadline: '1h'", "redis.lookupDeadline: "),
    ])
  func contradictions(redis: String, prefix: String) {
    let found = problems(origin + "redis: { \(redis) } }")
    #expect(found.contains { $0.hasPrefix(prefix) }, "\(found)")
  }
}
