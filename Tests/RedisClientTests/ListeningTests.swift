import Glibc
import RedisTestSupport
import Synchronization
import Testing

@testable import RedisClient

/// Follows a stream and records what comes.
final class StreamFollower: Sendable {
  let record = EventRecord()
  private let last = Mutex("0")
  private let stream: String
  private let blockMilliseconds: Int

  init(_ stream: String, blockMilliseconds: Int = 100) {
    self.stream = stream
    self.blockMilliseconds = blockMilliseconds
  }

  func next(_ result: Result<RedisValue, RedisFailure>?) -> RedisListenerCommand? {
    switch result {
    case nil: record.add("begin")
    case .success(.null): record.add("nothing")
    case .success(let reply):
      for entry in reply.elements?.first?.elements?.last?.elements ?? [] {
        guard let id = entry.elements?.first?.text else { continue }
        last.withLock { $0 = id }
        record.add("entry \(entry.elements?.last?.elements?.last?.text ?? "")")
      }
    case .failure(let failure): record.add("failure \(failure)")
    }
    let command = RedisCommand(
      "XREAD", "COUNT", "10", "BLOCK", "\(blockMilliseconds)", "STREAMS", stream, last.withLock { $0 }, keyAt: 6)
    return RedisListenerCommand(command, answerWithinMilliseconds: blockMilliseconds + 500)
  }
}

@Suite(.timeLimit(.minutes(2))) struct ListeningTests {
  @Test func aStreamIsFollowedWhileCommandsGoOn() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let follower = StreamFollower("followed", blockMilliseconds: 60_000)
    let listener = client.client.listen { follower.next($0) }
    await follower.record.wait(for: "begin")
    for number in 0..<100 {
      try await client.get(RedisCommand("XADD", "followed", "*", "number", "\(number)"))
    }
    await follower.record.wait(for: "entry 99")
    let entries = follower.record.lines.filter { $0.hasPrefix("entry") }
    #expect(entries == (0..<100).map { "entry \($0)" })
    #expect(!follower.record.lines.contains { $0.hasPrefix("failure") })
    listener.stop()
    // Its connection is gone, and nobody calls the handler any more.
    while try await client.get(RedisCommand("CLIENT", "LIST", "TYPE", "normal")).text?.contains("cmd=xread") == true {
      await Task.yield()
    }
  }

  @Test func aListenerEndsWhereItsHandlerSaysSo() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let record = EventRecord()
    client.client.listen { result in
      record.add(result.map { "\($0)" } ?? "begin")
      return result == nil ? RedisListenerCommand(RedisCommand("PING"), answerWithinMilliseconds: 5000) : nil
    }
    await record.wait(for: "PONG")
    client.client.stop()
    #expect(record.lines.count == 2)
  }

  @Test func aListenerOutlivesAServerThatHangsAndOneThatDies() async throws {
    let server = await RedisServer()
    let client = try TestClient(.standalone(server.address))
    let follower = StreamFollower("s")
    client.client.listen { follower.next($0) }
    try await client.get(RedisCommand("XADD", "s", "1-1", "n", "one"))
    await follower.record.wait(for: "entry one")
    server.send(SIGSTOP)
    await follower.record.wait(for: "no answer within 600 ms")
    server.send(SIGCONT)
    try await client.get(RedisCommand("XADD", "s", "2-1", "n", "two"))
    await follower.record.wait(for: "entry two")
    let position = follower.record.position
    await server.kill()
    await follower.record.wait(for: "failure", from: position)
    let logged = client.log.position
    await server.startAgain()
    await client.waitConnected(server.address, from: logged)
    try await client.get(RedisCommand("XADD", "s", "3-1", "n", "three"))
    await follower.record.wait(for: "entry three")
    client.client.stop()
  }

  @Test func theServersErrorsReachTheHandler() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    try await client.get(RedisCommand("SET", "no stream", "x"))
    let follower = StreamFollower("no stream")
    let listener = client.client.listen { follower.next($0) }
    await follower.record.wait(for: "WRONGTYPE")
    listener.stop()
    client.client.stop()
  }

  @Test func thereIsABoundAndAnEnd() async throws {
    let client = try TestClient(.standalone(await SharedServer.plain.address))
    let record = EventRecord()
    for number in 0...Submissions.maximumListeners {
      client.client.listen { result in
        if let result { record.add("\(number) \(result)") }
        let command = RedisCommand("XREAD", "BLOCK", "60000", "STREAMS", "never", "$")
        return RedisListenerCommand(command, answerWithinMilliseconds: 70_000)
      }
    }
    #expect(record.lines.count == 1)
    #expect(record.lines[0].contains("\(Submissions.maximumListeners) listeners already"))
    client.client.stop()
    #expect(record.lines.filter { $0.contains("stopped") }.count == Submissions.maximumListeners)
  }
}
