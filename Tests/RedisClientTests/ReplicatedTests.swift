import Glibc
import RedisTestSupport
import Testing

@testable import RedisClient

@Suite(.timeLimit(.minutes(2))) struct ReplicatedTests {
  /// A master with a replica that has all of it.
  private func pair() async throws -> (master: RedisServer, replica: RedisServer) {
    let master = await RedisServer(["--repl-diskless-sync-delay", "0"])
    let replica = await RedisServer(["--replicaof", "127.0.0.1", "\(master.port)"])
    await replica.output.wait(for: "Finished with success")
    return (master, replica)
  }

  private func count(_ server: RedisServer, of client: TestClient) -> UInt64 {
    client.client.nodes.first { $0.address == server.address }?.commands ?? 0
  }

  @Test func readersGoWhereTheSettingsSay() async throws {
    let (master, replica) = try await pair()
    let topology = RedisSettings.Topology.replicated(master: master.address, replicas: [replica.address])
    let client = try TestClient(topology) { $0.reads = .replicas }
    await client.waitConnected(replica.address)
    try await client.get(RedisCommand("SET", "k", "v", keyAt: 1))
    #expect(try await client.get(RedisCommand("WAIT", "1", "0")) == .integer(1))
    #expect(try await client.get(RedisCommand("GET", "k", keyAt: 1, isReadOnly: true)) == .bulk("v"))
    #expect(count(replica, of: client) == 1)
    #expect(client.client.nodes.map(\.role) == [.master, .replica])
    let careful = try TestClient(topology) { $0.reads = .replicaWhileMasterIsDown }
    await careful.waitConnected(replica.address)
    #expect(try await careful.get(RedisCommand("GET", "k", keyAt: 1, isReadOnly: true)) == .bulk("v"))
    #expect(count(replica, of: careful) == 0)
    await master.kill()
    await careful.log.wait(for: "\(master.address): down")
    #expect(try await careful.get(RedisCommand("GET", "k", keyAt: 1, isReadOnly: true)) == .bulk("v"))
    #expect(await careful.failure(RedisCommand("SET", "k", "w"))?.reason.isNotConnected == true)
    #expect(try await client.get(RedisCommand("GET", "k", keyAt: 1, isReadOnly: true)) == .bulk("v"))
  }

  @Test func aNodeThatSaysItIsNoMasterIsNotWrittenTo() async throws {
    let (master, replica) = try await pair()
    let client = try TestClient(.replicated(master: replica.address, replicas: [master.address]))
    let failure = await client.failure(RedisCommand("SET", "k", "v"))
    #expect(failure?.reason.why == "it says that it is no master but a replica of \(master.address)")
    // It becomes one, and is one.
    let position = client.log.position
    let direct = try TestClient(.standalone(replica.address))
    let refused = await direct.failure(RedisCommand("SET", "k", "v"))
    #expect(refused?.reason.serverError?.hasPrefix("READONLY") == true)
    try await direct.get(RedisCommand("REPLICAOF", "NO", "ONE"))
    await client.waitConnected(replica.address, from: position)
    #expect(try await client.get(RedisCommand("SET", "k", "v")) == .ok)
  }
}
