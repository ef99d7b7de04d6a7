import Glibc
import RedisTestSupport
import Testing

@testable import RedisClient

@Suite(.timeLimit(.minutes(2))) struct FailureTests {
  @Test func aHungServerMakesNoCommandWaitPastItsDeadline() async throws {
    let server = await RedisServer()
    let client = try TestClient(.standalone(server.address)) { settings in
      settings.times.silence = 60_000
      settings.bounds.deadlinesInARow = 3
    }
    try await client.get(RedisCommand("SET", "before", "1"))
    server.send(SIGSTOP)
    for number in 0..<3 {
      let failure = await client.failure(RedisCommand("ECHO", "late \(number)"), milliseconds: 20)
      #expect(failure == RedisFailure(.deadlinePassed, at: server.address))
    }
    // From now on nobody waits, however much time there is.
    let failure = await client.failure(RedisCommand("PING"), milliseconds: 600_000)
    #expect(failure?.reason.why == "3 deadlines passed in a row")
    #expect(client.client.nodes.first?.state == .down)
    #expect(client.client.nodes.first?.deadlines == 3)
    let position = client.log.position
    server.send(SIGCONT)
    await client.waitConnected(server.address, from: position)
    // The late replies have not shifted the others.
    #expect(try await client.get(RedisCommand("GET", "before")) == .bulk("1"))
    #expect(try await client.get(RedisCommand("ECHO", "now")) == .bulk("now"))
    #expect(client.client.nodes.first?.reconnects == 0)
  }

  @Test func aServerThatOwesAnswersAndIsSilentIsDown() async throws {
    let server = await RedisServer()
    let client = try TestClient(.standalone(server.address)) { $0.times.silence = 200 }
    try await client.get(RedisCommand("PING"))
    server.send(SIGSTOP)
    let results = await client.batch((0..<100).map { RedisCommand("ECHO", "\($0)") })
    for result in results {
      #expect(result == .failure(RedisFailure(.notConnected("no answer within 200 ms"), at: server.address)))
    }
    let position = client.log.position
    server.send(SIGCONT)
    await client.waitConnected(server.address, from: position)
    #expect(try await client.get(RedisCommand("ECHO", "again")) == .bulk("again"))
    #expect(client.client.nodes.first?.failures == 100)
  }

  @Test func anIdleServerThatHangsIsNoticed() async throws {
    let server = await RedisServer()
    let client = try TestClient(.standalone(server.address)) { settings in
      settings.times.silence = 200
      settings.times.idle = 100
    }
    try await client.get(RedisCommand("PING"))
    server.send(SIGSTOP)
    await client.log.wait(for: "\(server.address): down: no answer within 200 ms")
    #expect(await client.failure(RedisCommand("PING"), milliseconds: 600_000)?.reason.isNotConnected == true)
    server.send(SIGCONT)
  }

  @Test func aServerThatIsKilledFailsAllAtOnceAndComesBack() async throws {
    let server = await RedisServer()
    let client = try TestClient(.standalone(server.address))
    try await client.get(RedisCommand("SET", "key", "value"))
    server.send(SIGSTOP)
    let pending = (0..<10).map { number in
      Task { await client.failure(RedisCommand("ECHO", "\(number)"), milliseconds: 600_000) }
    }
    while client.client.nodes.first?.commands != 11 { await Task.yield() }
    await server.kill()
    for task in pending {
      let failure = await task.value
      #expect(failure?.reason.isNotConnected == true)
      #expect(failure?.node == server.address)
    }
    let failure = await client.failure(RedisCommand("PING"), milliseconds: 600_000)
    #expect(failure?.reason.isNotConnected == true)
    #expect(client.client.nodes.first?.state == .down)
    #expect(client.client.nodes.first?.lastFailure != nil)
    let position = client.log.position
    await server.startAgain()
    await client.waitConnected(server.address, from: position)
    #expect(try await client.get(RedisCommand("GET", "key")) == .null)
    #expect(client.client.nodes.first?.reconnects == 1)
  }

  @Test func commandsWaitForTheFirstConnectionAndNotLonger() async throws {
    let server = await RedisServer()
    await server.kill()
    let client = try TestClient(.standalone(server.address))
    let failure = await client.failure(RedisCommand("PING"), milliseconds: 600_000)
    #expect(failure?.reason.why?.hasPrefix("connect: ") == true)
    await server.startAgain()
    await client.waitConnected(server.address)
    #expect(try await client.get(RedisCommand("PING")) == .simple("PONG"))
  }

  @Test func aChangedPasswordFileCountsFromTheNextConnection() async throws {
    let server = await RedisServer(["--requirepass", "right"])
    let file = TestFolder.make() + "/password"
    TestFolder.write("wrong\n", to: file)
    let client = try TestClient(.standalone(server.address)) {
      $0.credentials = RedisCredentials(passwordFile: file)
    }
    let failure = await client.failure(RedisCommand("PING"))
    #expect(failure?.reason.why?.hasPrefix("AUTH: the server says: WRONGPASS") == true)
    #expect(failure.map { !"\($0)".contains("wrong") } == true)
    let position = client.log.position
    TestFolder.write("right\n", to: file)
    await client.waitConnected(server.address, from: position)
    #expect(try await client.get(RedisCommand("PING")) == .simple("PONG"))

    let without = try TestClient(.standalone(server.address))
    #expect(await without.failure(RedisCommand("GET", "x"))?.reason.why?.contains("NOAUTH") == true)
    let missing = try TestClient(.standalone(server.address)) {
      $0.credentials = RedisCredentials(passwordFile: file + "-not-there")
    }
    let why = await missing.failure(RedisCommand("GET", "x"))?.reason.why
    #expect(why == "password file \(file)-not-there: No such file or directory")
  }

  @Test func aServerThatRepeatsThePasswordIsNotRepeated() async throws {
    let server = await RedisServer(["--rename-command", "AUTH", ""])
    let file = TestFolder.make() + "/password"
    TestFolder.write("my-secret", to: file)
    let client = try TestClient(.standalone(server.address)) {
      $0.credentials = RedisCredentials(user: "me", passwordFile: file)
    }
    let failure = await client.failure(RedisCommand("PING"))
    #expect(failure?.reason.why == "AUTH: the server says: ERR (the rest could show the password)")
    let direct = try TestClient(.standalone(server.address))
    let text = await direct.failure(RedisCommand("AUTH", "me", "my-secret"))?.reason.serverError
    #expect(text?.contains("my-secret") == true)
    #expect(!client.log.lines.contains { $0.contains("my-secret") })
  }

  @Test(arguments: ["", "\n", String(repeating: "x", count: 4097)])
  func aFileWithoutPasswordIsNamed(_ content: String) async throws {
    let file = TestFolder.make() + "/password"
    TestFolder.write(content, to: file)
    let client = try TestClient(.standalone(await SharedServer.plain.address)) {
      $0.credentials = RedisCredentials(user: "somebody", passwordFile: file)
    }
    #expect(await client.failure(RedisCommand("PING"))?.reason.why?.hasPrefix("password file \(file): ") == true)
  }

  @Test func whatAUserMayNotDoIsTheServersError() async throws {
    let server = await RedisServer(["--user", "reader", "on", ">secret", "~public:*", "+get", "+ping"])
    let file = TestFolder.make() + "/password"
    TestFolder.write("secret", to: file)
    let client = try TestClient(.standalone(server.address)) {
      $0.credentials = RedisCredentials(user: "reader", passwordFile: file)
    }
    #expect(try await client.get(RedisCommand("GET", "public:1")) == .null)
    let command = await client.failure(RedisCommand("SET", "public:1", "x"))?.reason.serverError
    #expect(command?.hasPrefix("NOPERM") == true)
    let key = await client.failure(RedisCommand("GET", "private"))?.reason.serverError
    #expect(key?.hasPrefix("NOPERM") == true)
    #expect(client.client.nodes.first?.state == .ready)
  }

  @Test func aDatabaseOfItsOwnIsChosenOnEachConnection() async throws {
    let server = await RedisServer()
    let other = try TestClient(.standalone(server.address)) { $0.database = 3 }
    try await other.get(RedisCommand("SET", "k", "of 3"))
    let first = try TestClient(.standalone(server.address))
    #expect(try await first.get(RedisCommand("GET", "k")) == .null)
    let list = try await first.get(RedisCommand("CLIENT", "LIST")).text ?? ""
    #expect(list.contains("name=avouch"))
    let position = other.log.position
    try await first.get(RedisCommand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
    await other.waitConnected(server.address, from: position)
    #expect(try await other.get(RedisCommand("GET", "k")) == .bulk("of 3"))
    let absurd = try TestClient(.standalone(server.address)) { $0.database = 1000 }
    #expect(await absurd.failure(RedisCommand("PING"))?.reason.why?.hasPrefix("SELECT: the server says: ERR") == true)
  }

  @Test func whatIsNoRedisIsSaidToBeNone() async throws {
    let server = try NonsenseServer("HTTP/1.1 400 Bad Request\r\n\r\n")
    let client = try TestClient(.standalone(server.address))
    #expect(await client.failure(RedisCommand("PING"))?.reason.why?.hasPrefix("what came is no RESP: ") == true)
  }
}
