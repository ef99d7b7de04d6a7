import EventLoop
import Glibc
import RedisTestSupport
import Synchronization
import Testing

@testable import RedisClient

/// Servers that tests share, where they do not disturb one another: keys of their own.
enum SharedServer {
  private static let plainTask = Task { await RedisServer() }

  static var plain: RedisServer { get async { await plainTask.value } }
}

@Suite(.timeLimit(.minutes(2))) struct StandaloneTests {
  @Test func anyOctetsComeBackAsTheyWere() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let octets = (0...255).map { UInt8($0) } + Array("\r\n$-1\r\n".utf8)
    let key = Array("octets\r\n".utf8) + [0]
    #expect(try await client.get(RedisCommand(words: [Array("SET".utf8), key, octets], key: key)) == .ok)
    #expect(try await client.get(RedisCommand(words: [Array("GET".utf8), key])) == .bulk(octets))
    #expect(try await client.get(RedisCommand("GET", "nothing")) == .null)
    #expect(try await client.get(RedisCommand("SET", "empty", "")) == .ok)
    #expect(try await client.get(RedisCommand("GET", "empty")) == .bulk([]))
    #expect(try await client.get(RedisCommand("INCR", "number")) == .integer(1))
    #expect(try await client.get(RedisCommand("MGET", "empty", "nothing")) == .array([.bulk([]), .null]))
    let large = [UInt8](repeating: 7, count: 5 << 20)
    try await client.get(RedisCommand(words: [Array("SET".utf8), Array("large".utf8), large]))
    #expect(try await client.get(RedisCommand("GET", "large")) == .bulk(large))
    #expect(await client.failure(RedisCommand("INCR", "octets"))?.reason.serverError == nil)
    let failure = await client.failure(RedisCommand("LPUSH", "empty", "x"))
    #expect(failure?.reason.serverError?.hasPrefix("WRONGTYPE") == true)
    #expect(failure?.node == client.client.nodes.first?.address)
    #expect(client.client.nodes.first?.serverErrors == 1)
    #expect(client.client.nodes.first?.state == .ready)
  }

  @Test func twentyThousandCommandsOfManyThreadsAreAnsweredRightAndInOrder() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let threads = 8
    let each = 2500
    let answered = Mutex([[Int]](repeating: [], count: threads))
    let count = GrowingValue()
    let total = Atomic(0)
    for thread in 0..<threads {
      _ = NamedThread(name: "caller-\(thread)", isDetached: true) {
        for number in 0..<each {
          // Each result tells how often this thread's key was raised before.
          client.client.perform(RedisCommand("INCR", "order-\(thread)"), deadlineMilliseconds: 60_000) { result in
            if case .success(.integer(let value)) = result, value == number + 1 {
              answered.withLock { $0[thread].append(number) }
            }
            if total.add(1, ordering: .relaxed).newValue == threads * each { count.raise(to: 1) }
          }
        }
      }
    }
    #expect(count.wait(for: 1, milliseconds: 60_000))
    answered.withLock { answered in
      for thread in 0..<threads { #expect(answered[thread] == Array(0..<each)) }
    }
    #expect(client.client.nodes.first?.commands == UInt64(threads * each))
  }

  @Test func aBatchHasItsResultsInOrder() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let results = await client.batch(
      (0..<1000).map { $0 == 500 ? RedisCommand("NONSENSE") : RedisCommand("ECHO", "\($0)") })
    for (place, result) in results.enumerated() where place != 500 { #expect(result == .success(.bulk("\(place)"))) }
    #expect(throws: RedisFailure.self) { try results[500].get() }
    #expect(await client.batch([]).isEmpty)
  }

  @Test func oneOfABatchThatIsRefusedForAMomentIsSentAgain() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let refusing = """
      if redis.call('INCR', KEYS[1]) < 3 then return redis.error_reply('TRYAGAIN in a moment') end
      return 'done'
      """
    let results = await client.batch(
      [
        RedisCommand("ECHO", "before"), RedisCommand("EVAL", refusing, "1", "refused-twice"),
        RedisCommand("ECHO", "behind"),
      ])
    #expect(results == [.success(.bulk("before")), .success(.bulk("done")), .success(.bulk("behind"))])
    // And all the commands it was admitted with have left.
    #expect(try await client.get(RedisCommand("ECHO", "more")) == .bulk("more"))
  }

  @Test func aScriptInABatchThatTheNodeDoesNotKnowIsSaidToBeUnknown() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let script = RedisScript("return {KEYS[1], \(UInt64.random(in: 0 ... .max))}")
    let named = script.command(keys: [Array("k".utf8)], arguments: [])
    let results = await client.batch([RedisCommand("ECHO", "1"), named, RedisCommand("ECHO", "2")])
    #expect(results[0] == .success(.bulk("1")))
    #expect(throws: RedisFailure.self) { try results[1].get() }
    if case .failure(let failure) = results[1] { #expect(failure.isUnknownScript) }
    #expect(results[2] == .success(.bulk("2")))
    try await client.get(named)
    #expect(try await client.batch([named])[0].get().elements?.first == .bulk("k"))
  }

  @Test func ofABatchWhoseDeadlinePassesEachIsToldOnce() async throws {
    let server = await RedisServer(["--busy-reply-threshold", "10"])
    // Silent for as long as it takes until somebody ends the script, on a machine that has other things to do.
    let client = try TestClient(.standalone(server.address)) { $0.times.silence = 600_000 }
    try await client.get(RedisCommand("PING"))
    let other = try TestClient(.standalone(server.address))
    try await other.get(RedisCommand("PING"))
    let endless = RedisCommand("EVAL", "while true do end", "0")
    let echoes = (0..<3000).map { RedisCommand("ECHO", "number \($0)") }
    // The replies to the first have gone out before the server has read what keeps it busy.
    let results = await client.batch(echoes + [endless] + echoes, milliseconds: 500)
    let answered = results.prefix { (try? $0.get()) != nil }.count
    #expect((0...3000).contains(answered))
    for place in 0..<answered { #expect(results[place] == .success(.bulk("number \(place)"))) }
    for result in results[answered...] {
      #expect(result == .failure(RedisFailure(.deadlinePassed, at: server.address)))
    }
    try await other.get(RedisCommand("SCRIPT", "KILL"))
    // The late replies have not shifted the others.
    #expect(try await client.get(RedisCommand("ECHO", "now")) == .bulk("now"))
    #expect(client.client.nodes.first?.reconnects == 0)
    #expect(client.client.nodes.first?.deadlines == UInt64(6001 - answered))
  }

  @Test func aScriptIsSentOnceToANodeThatDoesNotKnowIt() async throws {
    let server = await SharedServer.plain
    let client = try TestClient(.standalone(server.address))
    let script = RedisScript("return {KEYS[1], ARGV[1], \(UInt64.random(in: 0 ... .max))}")
    for round in 0..<3 {
      let reply = try await client.get(
        script.command(keys: [Array("k".utf8)], arguments: [Array("\(round)".utf8)]))
      #expect(reply.elements?.prefix(2) == [.bulk("k"), .bulk("\(round)")])
    }
    let digest = String(decoding: script.digest, as: UTF8.self)
    #expect(try await client.get(RedisCommand("SCRIPT", "EXISTS", digest)) == .array([.integer(1)]))
    let reading = RedisScript("return redis.call('GET', KEYS[1])")
    let command = reading.command(keys: [Array("not there".utf8)], arguments: [], isReadOnly: true)
    #expect(try await client.get(command) == .null)
    let faulty = RedisScript("return nonsense(")
    #expect(await client.failure(faulty.command(keys: [], arguments: []))?.reason.serverError != nil)
  }

  @Test func whatIsOverABoundIsRefusedAtOnce() async throws {
    let server = await RedisServer()
    let client = try TestClient(.standalone(server.address)) { settings in
      settings.bounds.commands = 10
      settings.bounds.octets = 10_000
    }
    try await client.get(RedisCommand("PING"))
    server.send(SIGSTOP)
    let refusals = Mutex<[RedisFailure.Reason]>([])
    let ends = EventRecord()
    for number in 0..<12 {
      client.client.perform(RedisCommand("ECHO", "\(number)"), deadlineMilliseconds: 60_000) { result in
        if case .failure(let failure) = result { refusals.withLock { $0.append(failure.reason) } }
        ends.add("\(number) \(result)")
      }
    }
    #expect(refusals.withLock { $0 } == Array(repeating: .overloaded("10 commands wait; 10 may"), count: 2))
    server.send(SIGCONT)
    await ends.wait { $0.hasPrefix("9 ") }
    let long = RedisCommand("ECHO", String(repeating: "x", count: 10_000))
    let failure = await client.failure(long)
    #expect(failure?.reason == .overloaded("commands of more than 10000 octets"))
    #expect(await client.batch([long])[0] == .failure(try #require(failure)))
    #expect(try await client.get(RedisCommand("ECHO", "again")) == .bulk("again"))
  }

  @Test func aReplyOverTheBoundEndsTheConnectionAndNoMore() async throws {
    let server = await SharedServer.plain
    let client = try TestClient(.standalone(server.address)) { $0.bounds.replyOctets = 100_000 }
    try await client.get(RedisCommand("SETRANGE", "huge", "200000", "x"))
    let position = client.log.position
    let failure = await client.failure(RedisCommand("GET", "huge"))
    #expect(failure?.reason.why == "a reply of more than 100000 octets")
    await client.waitConnected(server.address, from: position)
    #expect(try await client.get(RedisCommand("GETRANGE", "huge", "0", "2")) == .bulk([0, 0, 0]))
    #expect(client.client.nodes.first?.reconnects == 1)
  }

  @Test func aDeadlineThatIsOverBlamesNobody() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address)) { $0.bounds.deadlinesInARow = 1 }
    try await client.get(RedisCommand("PING"))
    for milliseconds in [0, -1, Int.min] {
      let failure = await client.failure(RedisCommand("PING"), milliseconds: milliseconds)
      #expect(failure == RedisFailure(.deadlinePassed, at: nil))
    }
    #expect(client.client.nodes.first?.state == .ready)
    #expect(try await client.get(RedisCommand("PING"), milliseconds: .max) == .simple("PONG"))
  }

  @Test func theEndFailsWhatIsNotAnswered() async throws {
    let server = await RedisServer()
    let client = try TestClient(.standalone(server.address))
    try await client.get(RedisCommand("PING"))
    server.send(SIGSTOP)
    async let result = client.failure(RedisCommand("PING"), milliseconds: 60_000)
    while client.client.nodes.first?.commands != 2 { await Task.yield() }
    client.client.stop()
    #expect(await result?.reason == .stopped)
    #expect(await client.failure(RedisCommand("PING"))?.reason == .stopped)
    #expect(client.client.nodes.isEmpty)
    client.client.stop()
  }

  @Test func aClientMayEndItselfAndMayNeverStart() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let ends = EventRecord()
    client.client.perform(RedisCommand("PING"), deadlineMilliseconds: 10_000) { _ in
      client.client.stop()
      ends.add("stopped")
    }
    await ends.wait(for: "stopped")
    let idle = try RedisClient(RedisSettings(.standalone(RedisAddress(host: "127.0.0.1", port: 1)))) { _ in }
    let early = EventRecord()
    idle.perform(RedisCommand("PING"), deadlineMilliseconds: 10_000) { early.add("\($0)") }
    #expect(early.lines.first?.contains("was not started") == true)
  }

  @Test func memoryThatIsFullIsTheServersError() async throws {
    let server = await RedisServer(["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"])
    let client = try TestClient(.standalone(server.address))
    let failure = await client.failure(RedisCommand("SETRANGE", "much", "3000000", "x"))
    let again = await client.failure(RedisCommand("SET", "more", "x"))
    let errors = [failure, again].compactMap { $0?.reason.serverError }
    #expect(errors.last?.hasPrefix("OOM") == true)
    #expect(try await client.get(RedisCommand("PING")) == .simple("PONG"))
  }

  @Test func aHostNameIsLookedUp() async throws {
    let server = await SharedServer.plain
    let client = try TestClient(.standalone(RedisAddress(host: "localhost", port: server.port)))
    #expect(try await client.get(RedisCommand("PING")) == .simple("PONG"))
    let nowhere = try TestClient(.standalone(RedisAddress(host: "nowhere.invalid", port: server.port)))
    let failure = await nowhere.failure(RedisCommand("PING"))
    #expect(failure?.reason.why?.hasPrefix("nowhere.invalid: ") == true)
  }
}
