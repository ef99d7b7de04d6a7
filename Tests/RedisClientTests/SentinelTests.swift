import Glibc
import RedisTestSupport
import Testing

@testable import RedisClient

/// A master, a replica and three sentinels, with passwords for both kinds.
private struct Sentinels {
  let master: RedisServer
  let replica: RedisServer
  let sentinels: [RedisServer]
  private let passwords = TestFolder.make()

  init() async {
    TestFolder.write("data\n", to: passwords + "/data")
    TestFolder.write("watch\n", to: passwords + "/watch")
    let login = ["--requirepass", "data", "--masterauth", "data", "--repl-diskless-sync-delay", "0"]
    let master = await RedisServer(login)
    self.master = master
    replica = await RedisServer(login + ["--replicaof", "127.0.0.1", "\(master.port)"])
    await replica.output.wait(for: "Finished with success")
    var sentinels: [RedisServer] = []
    for _ in 0..<3 {
      let server = await RedisServer(isReady: "+monitor master") { port, folder in
        let file = folder + "/sentinel.conf"
        TestFolder.write(
          """
          bind 127.0.0.1
          port \(port)
          dir \(folder)
          requirepass watch
          sentinel monitor main 127.0.0.1 \(master.port) 2
          sentinel auth-pass main data
          sentinel down-after-milliseconds main 300
          sentinel failover-timeout main 5000

          """, to: file)
        return [file, "--sentinel"]
      }
      sentinels.append(server)
    }
    self.sentinels = sentinels
  }

  /// Until each sentinel knows the replica and the others.
  func waitAcquainted() async {
    for sentinel in sentinels {
      await sentinel.output.wait(for: "+slave slave")
      for other in sentinels where other !== sentinel {
        await sentinel.output.wait { $0.contains("+sentinel sentinel") && $0.contains(" \(other.port) @ main") }
      }
    }
  }

  func client(
    masterName: String = "main", _ change: (inout RedisSettings) -> Void = { _ in }
  ) throws -> TestClient {
    let topology = RedisSettings.Topology.sentinel(
      sentinels.map(\.address), masterName: masterName,
      credentials: RedisCredentials(passwordFile: passwords + "/watch"))
    return try TestClient(topology) { settings in
      settings.credentials = RedisCredentials(passwordFile: passwords + "/data")
      change(&settings)
    }
  }
}

@Suite(.timeLimit(.minutes(2))) struct SentinelTests {
  @Test func commandsFollowTheMaster() async throws {
    let all = await Sentinels()
    let client = try all.client { $0.reads = .replicas }
    let follower = StreamFollower("s")
    client.client.listen { follower.next($0) }
    #expect(try await client.get(RedisCommand("SET", "k", "v", keyAt: 1)) == .ok)
    await all.waitAcquainted()
    // Lost replicas are looked for now and then.
    await client.waitConnected(all.replica.address)
    #expect(try await client.get(RedisCommand("WAIT", "1", "0")) == .integer(1))
    #expect(try await client.get(RedisCommand("GET", "k", keyAt: 1, isReadOnly: true)) == .bulk("v"))
    let reports = client.client.nodes
    #expect(reports.filter { $0.role == .sentinel && $0.state == .ready }.count == 3)
    #expect(reports.first { $0.address == all.replica.address }?.commands == 1)

    await all.sentinels[0].kill()
    let position = client.log.position
    await all.master.kill()
    await client.log.wait(for: "\(all.master.address): down", from: position)
    let failure = await client.failure(RedisCommand("SET", "k", "x", keyAt: 1), milliseconds: 600_000)
    // None where the machine is so busy that the sentinels were quicker than this test.
    if let failure { #expect(failure.reason.isNotConnected && failure.node == all.master.address) }
    await client.log.wait(for: "\(all.replica.address) instead of \(all.master.address)", from: position)
    #expect(try await client.get(RedisCommand("SET", "k", "w", keyAt: 1)) == .ok)
    #expect(try await client.get(RedisCommand("GET", "k", keyAt: 1)) == .bulk("w"))
    try await client.get(RedisCommand("XADD", "s", "*", "n", "after"))
    await follower.record.wait(for: "entry after")
    #expect(client.client.nodes.filter { $0.role == .master }.map(\.address) == [all.replica.address])
  }

  @Test func aMasterThatNobodyKnowsIsNotMadeUp() async throws {
    let all = await Sentinels()
    let client = try all.client(masterName: "other")
    await client.log.wait(for: "knows no master 'other'")
    #expect(await client.failure(RedisCommand("PING"), milliseconds: 50)?.reason == .deadlinePassed)
    for sentinel in all.sentinels { await sentinel.kill() }
    for sentinel in all.sentinels { await client.log.wait(for: "\(sentinel.address): down") }
    let failure = await client.failure(RedisCommand("PING"), milliseconds: 600_000)
    #expect(failure?.reason.why?.hasPrefix("no sentinel can be reached: ") == true)
  }

  @Test func whoeverIsNamedMustSayItself() async throws {
    let master = await RedisServer(["--repl-diskless-sync-delay", "0"])
    let replica = await RedisServer(["--replicaof", "127.0.0.1", "\(master.port)"])
    await replica.output.wait(for: "Finished with success")
    let sentinel = try StaleSentinel(naming: replica.address)
    let client = try TestClient(.sentinel([sentinel.address], masterName: "main", credentials: nil))
    let refusal = "it says that it is no master but a replica of \(master.address)"
    #expect(await client.failure(RedisCommand("SET", "k", "v"))?.reason.why == refusal)
    sentinel.name(master.address)
    await client.log.wait(for: "\(master.address) instead of \(replica.address)")
    #expect(try await client.get(RedisCommand("SET", "k", "v")) == .ok)
    // One that is wrong again does not take a good master away.
    sentinel.name(replica.address)
    await client.log.wait(for: "\(replica.address): down", from: client.log.position)
    #expect(try await client.get(RedisCommand("SET", "k", "w")) == .ok)
    #expect(client.client.nodes.reduce(0) { $0 + $1.serverErrors } == 0)
  }

  @Test func aMasterThatWasDemotedIsLeft() async throws {
    let all = await Sentinels()
    let client = try all.client()
    #expect(try await client.get(RedisCommand("SET", "k", "v")) == .ok)
    await all.waitAcquainted()
    let position = client.log.position
    let sentinel = try TestClient(.standalone(all.sentinels[1].address)) { settings in
      let file = TestFolder.make() + "/watch"
      TestFolder.write("watch", to: file)
      settings.credentials = RedisCredentials(passwordFile: file)
    }
    #expect(try await sentinel.get(RedisCommand("SENTINEL", "FAILOVER", "main")) == .ok)
    await client.log.wait(for: "\(all.replica.address) instead of \(all.master.address)", from: position)
    #expect(try await client.get(RedisCommand("SET", "k", "w")) == .ok)
  }
}
