import Testing

@testable import RedisClient

@Suite struct ClusterSlotTests {
  @Test func crc16IsThatOfXMODEM() {
    #expect(ClusterSlot.crc16(Array("123456789".utf8)[...]) == 0x31C3)
    #expect(ClusterSlot.crc16([]) == 0)
  }

  @Test(arguments: [("foo", 12_182), ("bar", 5061), ("", 0), ("somekey", 11_058)])
  func slotsAreThoseOfTheServer(_ key: String, _ slot: Int) {
    #expect(ClusterSlot.of(Array(key.utf8)) == slot)
  }

  @Test(arguments: [
    ("{user1000}.following", "user1000"), ("foo{}{bar}", "foo{}{bar}"), ("foo{{bar}}zap", "{bar"),
    ("foo{bar}{zap}", "bar"), ("plain", "plain"), ("open{", "open{"), ("}{a}", "a"), ("{a", "{a"),
  ])
  func theHashTagIsWhatStandsInTheFirstBraces(_ key: String, _ tag: String) {
    #expect(Array(ClusterSlot.hashTag(of: Array(key.utf8))) == Array(tag.utf8))
  }
}

// The parts of a reply of CLUSTER SLOTS.
private func node(_ host: RedisValue, _ port: Int64) -> RedisValue {
  .array([host, .integer(port), .bulk(Array("id".utf8)), .array([])])
}

private func range(_ first: Int64, _ last: Int64, _ nodes: RedisValue...) -> RedisValue {
  .array([.integer(first), .integer(last)] + nodes)
}

private func text(_ text: String) -> RedisValue { .bulk(Array(text.utf8)) }

@Suite struct SlotMapTests {
  @Test func everySlotHasItsShard() throws {
    let reply = RedisValue.array([
      range(
        0, 99, node(text("10.0.0.1"), 1), node(text("10.0.0.2"), 2)),
      range(200, 16_383, node(text("10.0.0.3"), 3)),
    ])
    let map = try #require(SlotMap(reply, askedAt: "10.0.0.9", maximumNodes: 3))
    let first = SlotMap.Shard(
      master: RedisAddress(host: "10.0.0.1", port: 1), replicas: [RedisAddress(host: "10.0.0.2", port: 2)])
    #expect(map.shard(of: 0) == first)
    #expect(map.shard(of: 99) == first)
    #expect(map.shard(of: 100) == nil)
    #expect(map.shard(of: 199) == nil)
    #expect(map.shard(of: 16_383)?.master.port == 3)
    #expect(map.masters.count == 2)
    #expect(map.addresses.count == 3)
    #expect(SlotMap(reply, askedAt: "10.0.0.9", maximumNodes: 2) == nil)
  }

  @Test func aNodeWithoutAddressIsWhereTheQuestionWent() {
    let here = RedisValue.array([range(0, 5, node(.null, 7))])
    #expect(SlotMap(here, askedAt: "h", maximumNodes: 9)?.shard(of: 5)?.master == RedisAddress(host: "h", port: 7))
    let nowhere = RedisValue.array([range(0, 5, node(text("?"), 7))])
    #expect(SlotMap(nowhere, askedAt: "h", maximumNodes: 9) == nil)
  }

  @Test(arguments: [
    RedisValue.null, .array([]), .integer(3), .array([.integer(1)]),
    .array([range(5, 4, node(text("h"), 1))]), .array([range(-1, 4, node(text("h"), 1))]),
    .array([range(0, 16_384, node(text("h"), 1))]), .array([.array([.integer(0), .integer(1)])]),
    .array([range(0, 1, node(text("h"), 0))]), .array([range(0, 1, node(text("h"), 65_536))]),
  ])
  func whatIsNoMapIsNone(_ reply: RedisValue) {
    #expect(SlotMap(reply, askedAt: "h", maximumNodes: 9) == nil)
  }

  @Test func aMovedSlotIsAnothers() throws {
    let reply = RedisValue.array([range(0, 16_383, node(text("a"), 1))])
    var map = try #require(SlotMap(reply, askedAt: "h", maximumNodes: 9))
    let other = RedisAddress(host: "b", port: 2)
    map.move(7, to: other)
    map.move(8, to: other)
    #expect(map.shard(of: 6)?.master.host == "a")
    #expect(map.shard(of: 7)?.master == other)
    #expect(map.shard(of: 8)?.master == other)
    #expect(map.shards.count == 2)
  }
}
