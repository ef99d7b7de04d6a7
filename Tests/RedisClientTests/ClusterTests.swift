import Glibc
import RedisTestSupport
import Testing

@testable import RedisClient

/// Three masters and three replicas.
private struct Cluster {
  let servers: [RedisServer]

  init() async {
    var servers: [RedisServer] = []
    for _ in 0..<6 {
      servers.append(
        await RedisServer { port, folder in
          RedisServer.usual(folder) + [
            "--port", "\(port)", "--cluster-enabled", "yes", "--cluster-node-timeout", "500",
            "--repl-diskless-sync-delay", "0", "--cluster-config-file", folder + "/nodes.conf",
          ]
        })
    }
    let output = await ServerProcess.run(
      ["redis-cli", "--cluster", "create"] + servers.map { "\($0.address)" }
        + ["--cluster-replicas", "1", "--cluster-yes"])
    precondition(output.contains("All 16384 slots covered"), output)
    for server in servers { await server.output.wait(for: "Cluster state changed: ok") }
    self.servers = servers
  }

  static let shared = Task { await Cluster() }

  func client(_ change: (inout RedisSettings) -> Void = { _ in }) throws -> TestClient {
    // A seed or two are enough.
    try TestClient(.cluster(seeds: servers.prefix(2).map(\.address)), change)
  }

  func server(at address: RedisAddress) -> RedisServer? {
    servers.first { $0.address == address }
  }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct ClusterTests {
  private func set(_ key: String, _ value: String) -> RedisCommand { RedisCommand("SET", key, value, keyAt: 1) }
  private func get(_ key: String) -> RedisCommand { RedisCommand("GET", key, keyAt: 1, isReadOnly: true) }

  private func owner(_ key: String, _ client: TestClient) async throws -> RedisAddress {
    let reply = try await client.get(RedisCommand("CLUSTER", "SLOTS"))
    let map = try #require(SlotMap(reply, askedAt: "127.0.0.1", maximumNodes: 100))
    return try #require(map.shard(of: ClusterSlot.of(Array(key.utf8)))?.master)
  }

  @Test func keysGoToTheirNodes() async throws {
    let cluster = await Cluster.shared.value
    let client = try cluster.client()
    let written = await client.batch((0..<3000).map { set("key-\($0)", "\($0)") })
    #expect(written.allSatisfy { $0 == .success(.ok) })
    let read = await client.batch((0..<3000).map { get("key-\($0)") })
    #expect(read == (0..<3000).map { .success(.bulk("\($0)")) })
    let reports = client.client.nodes
    #expect(reports.count == 3)
    #expect(reports.allSatisfy { $0.role == .master && $0.commands > 1500 })
    // Not one was sent to the wrong node.
    #expect(reports.reduce(0) { $0 + $1.commands } == 6000)
    #expect(try await client.get(RedisCommand("MSET", "{tag}1", "a", "{tag}2", "b", keyAt: 1)) == .ok)
    #expect(
      try await client.get(RedisCommand("MGET", "{tag}1", "{tag}2", keyAt: 1)) == .array([.bulk("a"), .bulk("b")]))
    let failure = await client.failure(RedisCommand("MGET", "key-1", "key-2", keyAt: 1))
    #expect(failure?.reason.serverError?.hasPrefix("CROSSSLOT") == true)
    #expect(try await client.get(RedisCommand("PING")) == .simple("PONG"))
  }

  @Test func replicasAnswerReaders() async throws {
    let client = try await Cluster.shared.value.client { $0.reads = .replicas }
    try await client.get(set("replicated", "v"))
    let master = try await owner("replicated", client)
    while client.client.nodes.filter({ $0.state == .ready }).count < 6 { await Task.yield() }
    let direct = try TestClient(.standalone(master))
    // Replication is a matter of moments, and nothing tells of its end but this.
    try await direct.get(RedisCommand("SET", "replicated", "v"))
    #expect(try await direct.get(RedisCommand("WAIT", "1", "0")) == .integer(1))
    for _ in 0..<10 { #expect(try await client.get(get("replicated")) == .bulk("v")) }
    let replicas = client.client.nodes.filter { $0.role == .replica }
    #expect(replicas.count == 3)
    #expect(replicas.reduce(0) { $0 + $1.commands } >= 10)
  }

  @Test func scriptsAreLoadedWhereTheyAreMissing() async throws {
    let client = try await Cluster.shared.value.client()
    let script = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    for number in 0..<30 {
      let command = script.command(keys: [Array("count-\(number)".utf8)], arguments: [Array("7".utf8)])
      #expect(try await client.get(command) == .integer(7))
      #expect(try await client.get(command) == .integer(14))
    }
  }

  @Test func aSlotThatMovesIsFollowed() async throws {
    let cluster = await Cluster.shared.value
    let client = try cluster.client { $0.times.lookAgain = 60_000 }
    try await client.get(set("{moving}1", "one"))
    let slot = "\(ClusterSlot.of(Array("{moving}1".utf8)))"
    let from = try await owner("{moving}1", client)
    let masters = client.client.nodes.map(\.address)
    let to = try #require(masters.first { $0 != from })
    let (source, target) = (try TestClient(.standalone(from)), try TestClient(.standalone(to)))
    let sourceID = try #require(try await source.get(RedisCommand("CLUSTER", "MYID")).text)
    let targetID = try #require(try await target.get(RedisCommand("CLUSTER", "MYID")).text)
    try await target.get(RedisCommand("CLUSTER", "SETSLOT", slot, "IMPORTING", sourceID))
    try await source.get(RedisCommand("CLUSTER", "SETSLOT", slot, "MIGRATING", targetID))

    // What the source has not is asked for at the target (ASK).
    try await client.get(set("{moving}2", "two"))
    #expect(try await target.get(RedisCommand("CLUSTER", "COUNTKEYSINSLOT", slot)) == .integer(1))
    #expect(try await client.get(get("{moving}1")) == .bulk("one"))
    #expect(try await client.get(get("{moving}2")) == .bulk("two"))
    let follower = StreamFollower("{moving}stream")
    client.client.listen { follower.next($0) }
    try await client.get(RedisCommand("XADD", "{moving}stream", "*", "n", "asked", keyAt: 1))
    // Half here, half there: later (TRYAGAIN).
    async let both = client.get(RedisCommand("MGET", "{moving}1", "{moving}2", keyAt: 1), milliseconds: 20_000)
    // Other tests have keys there, too.
    let keys = try await source.get(RedisCommand("CLUSTER", "GETKEYSINSLOT", slot, "100")).elements ?? []
    for key in keys.compactMap(\.text) {
      try await source.get(RedisCommand("MIGRATE", to.host, "\(to.port)", key, "0", "5000"))
    }
    try await target.get(RedisCommand("CLUSTER", "SETSLOT", slot, "NODE", targetID))
    try await source.get(RedisCommand("CLUSTER", "SETSLOT", slot, "NODE", targetID))
    #expect(try await both == .array([.bulk("one"), .bulk("two")]))
    // The map is old by now (MOVED).
    #expect(try await client.get(get("{moving}1")) == .bulk("one"))
    let before = client.client.nodes.first { $0.address == from }?.commands
    #expect(try await client.get(get("{moving}1")) == .bulk("one"))
    #expect(client.client.nodes.first { $0.address == from }?.commands == before)
    await follower.record.wait(for: "entry asked")
    client.client.stop()
  }

  /// The last one: the cluster has a node less behind it.
  @Test func aReplicaTakesOverFromAMasterThatIsKilled() async throws {
    let cluster = await Cluster.shared.value
    let client = try cluster.client()
    try await client.get(set("taken over", "before"))
    let follower = StreamFollower("{taken over}stream")
    client.client.listen { follower.next($0) }
    let master = try await owner("taken over", client)
    let direct = try TestClient(.standalone(master))
    // Replicated before it dies.
    try await direct.get(RedisCommand("SET", "taken over", "acknowledged"))
    #expect(try await direct.get(RedisCommand("WAIT", "1", "0")) == .integer(1))
    let position = client.log.position
    let server = try #require(cluster.server(at: master))
    await server.kill()
    await client.log.wait(for: "\(master): down", from: position)
    let failure = await client.failure(set("taken over", "lost"), milliseconds: 600_000)
    #expect(failure?.reason.isNotConnected == true)
    #expect(failure?.node == master)
    await client.log.wait(from: position) { $0.hasSuffix(": connected") }
    #expect(try await client.get(get("taken over"), milliseconds: 30_000) == .bulk("acknowledged"))
    #expect(try await client.get(set("taken over", "after"), milliseconds: 30_000) == .ok)
    #expect(!client.client.nodes.contains { $0.address == master && $0.state == .ready })
    try await client.get(RedisCommand("XADD", "{taken over}stream", "*", "n", "after", keyAt: 1))
    await follower.record.wait(for: "entry after")
    client.client.stop()
  }

  @Test func aClusterThatIsNotThereFailsAtOnce() async throws {
    let server = await RedisServer()
    await server.kill()
    let client = try TestClient(.cluster(seeds: [server.address]))
    let failure = await client.failure(get("x"), milliseconds: 600_000)
    #expect(failure?.reason.why?.hasPrefix("no node of the cluster can be reached: connect: ") == true)
    await server.startAgain()
    // It is no cluster: there are no slots, and a command waits until its deadline.
    await client.waitConnected(server.address)
    #expect(await client.failure(get("x"), milliseconds: 50)?.reason == .deadlinePassed)
    await client.log.wait(for: "cluster support disabled")
    client.client.stop()
  }
}
