import Testing

@testable import RedisClient

@Suite struct ServerErrorKindTests {
  @Test(arguments: [
    ("MOVED 3999 127.0.0.1:6381", ServerErrorKind.moved(slot: 3999, RedisAddress(host: "127.0.0.1", port: 6381))),
    ("MOVED 1 :7000", .moved(slot: 1, RedisAddress(host: "here", port: 7000))),
    ("MOVED 1 ::1:7000", .moved(slot: 1, RedisAddress(host: "::1", port: 7000))),
    ("MOVED 1 redis.example:7000", .moved(slot: 1, RedisAddress(host: "redis.example", port: 7000))),
    ("ASK 3999 127.0.0.1:6381@16381", .ask(RedisAddress(host: "127.0.0.1", port: 6381))),
    ("MOVED 16384 a:1", .other), ("MOVED x a:1", .other), ("MOVED 1 a", .other), ("MOVED 1 a:0", .other),
    ("MOVED 1", .other), ("ASK 1", .other), ("MOVED", .other), ("", .other),
    ("TRYAGAIN Multiple keys request during rehashing of slot", .passing),
    ("CLUSTERDOWN Hash slot not served", .passing), ("LOADING Redis is loading the dataset in memory", .passing),
    ("MASTERDOWN Link with MASTER is down", .passing),
    ("READONLY You can't write against a read only replica.", .wrongRole),
    ("NOSCRIPT No matching script.", .noScript), ("ERR wrong number of arguments", .other), ("MOVEDX 1 a:1", .other),
  ])
  func anErrorIsKnownByItsFirstWord(_ text: String, _ kind: ServerErrorKind) {
    #expect(ServerErrorKind(text, from: "here") == kind)
  }
}

@Suite struct ServerReplyTests {
  static func texts(_ words: String...) -> RedisValue { .array(words.map { .bulk(Array($0.utf8)) }) }

  @Test func rolesAreRead() {
    let master = RedisValue.array([.bulk(Array("master".utf8)), .integer(0), .array([])])
    #expect(ReportedRole(master) == .master)
    let replica = RedisValue.array([
      .bulk(Array("slave".utf8)), .bulk(Array("10.0.0.1".utf8)), .integer(6379), .bulk(Array("connected".utf8)),
      .integer(3),
    ])
    #expect(ReportedRole(replica) == .replica(of: RedisAddress(host: "10.0.0.1", port: 6379)))
    #expect(ReportedRole(ServerReplyTests.texts("slave")) == .replica(of: nil))
    #expect(ReportedRole(ServerReplyTests.texts("sentinel")) == .sentinel)
    #expect(ReportedRole(ServerReplyTests.texts("something")) == nil)
    #expect(ReportedRole(.null) == nil)
  }

  @Test func sentinelsNameTheMaster() {
    let address = RedisAddress(host: "10.0.0.1", port: 6379)
    #expect(SentinelReply.master(ServerReplyTests.texts("10.0.0.1", "6379")) == address)
    #expect(SentinelReply.master(.null) == nil)
    #expect(SentinelReply.master(ServerReplyTests.texts("10.0.0.1", "0")) == nil)
    #expect(SentinelReply.master(ServerReplyTests.texts("10.0.0.1")) == nil)
  }

  @Test func onlyTheSwitchOfTheOwnMasterCounts() {
    let payload = "main 10.0.0.1 6379 10.0.0.2 6380"
    #expect(SentinelReply.switched(payload, masterName: "main") == RedisAddress(host: "10.0.0.2", port: 6380))
    #expect(SentinelReply.switched(payload, masterName: "other") == nil)
    #expect(SentinelReply.switched("main 10.0.0.1", masterName: "main") == nil)
  }

  @Test func replicasThatAreDownAreLeftOut() {
    let reply = RedisValue.array([
      ServerReplyTests.texts("name", "a", "ip", "10.0.0.1", "port", "1", "flags", "slave"),
      ServerReplyTests.texts("name", "b", "ip", "10.0.0.2", "port", "2", "flags", "slave,s_down"),
      ServerReplyTests.texts("name", "c", "ip", "10.0.0.3", "port", "3", "flags", "slave,disconnected"),
      ServerReplyTests.texts("odd"), .null,
    ])
    #expect(SentinelReply.replicas(reply, maximum: 9) == [RedisAddress(host: "10.0.0.1", port: 1)])
    #expect(SentinelReply.replicas(reply, maximum: 0) == [])
    #expect(SentinelReply.replicas(.null, maximum: 9) == nil)
  }

  @Test(arguments: ["127.0.0.1:6379", "redis.example:1", "[::1]:65535"])
  func addressesAreReadAndWritten(_ text: String) {
    #expect(RedisAddress(text)?.description == text)
  }

  @Test(arguments: ["", ":1", "host", "host:", "host:0", "host:65536", "host:+1", "::1:6379", "a b:1"])
  func otherTextIsNoAddress(_ text: String) {
    #expect(RedisAddress(text) == nil)
  }
}
