/// Which nodes have which slots of a Redis Cluster.
struct SlotMap: Sendable {
  struct Shard: Sendable, Hashable {
    var master: RedisAddress
    var replicas: [RedisAddress]
  }

  private(set) var shards: [Shard] = []
  // A slot's place in `shards`; UInt16.max for one that nobody has.
  private var places = [UInt16](repeating: .max, count: ClusterSlot.count)

  init() {}

  /// Reads the reply of CLUSTER SLOTS. Nil where it is none, names more nodes than `maximumNodes`, or names no shard.
  ///
  /// - Parameter host: of the node that was asked: some do not know their own.
  init?(_ reply: RedisValue, askedAt host: String, maximumNodes: Int) {
    guard let ranges = reply.elements, (1...ClusterSlot.count).contains(ranges.count) else { return nil }
    var placeOfShard: [Shard: UInt16] = [:]
    for range in ranges {
      guard let parts = range.elements, parts.count >= 3, let first = parts[0].integer, let last = parts[1].integer,
        (0..<Int64(ClusterSlot.count)).contains(first), (first..<Int64(ClusterSlot.count)).contains(last)
      else { return nil }
      let nodes = parts[2...].map { SlotMap.address($0, askedAt: host) }
      // A node whose address nobody knows yet: a replica is left out, a master makes its slots nobody's.
      guard let master = nodes[0] else { continue }
      let shard = Shard(master: master, replicas: nodes.dropFirst().compactMap { $0 })
      let place = placeOfShard[shard] ?? UInt16(shards.count)
      if placeOfShard[shard] == nil {
        placeOfShard[shard] = place
        shards.append(shard)
      }
      for slot in first...last { places[Int(slot)] = place }
    }
    guard !shards.isEmpty, addresses.count <= maximumNodes else { return nil }
  }

  private static func address(_ node: RedisValue, askedAt host: String) -> RedisAddress? {
    guard let parts = node.elements, parts.count >= 2, let port = parts[1].integer else { return nil }
    let named = parts[0].text ?? ""
    guard named != "?" else { return nil }
    return RedisAddress(host: named.isEmpty ? host : named, portText: "\(port)")
  }

  var isEmpty: Bool { shards.isEmpty }

  /// Nil for a slot that nobody has.
  func shard(of slot: Int) -> Shard? {
    places[slot] == .max ? nil : shards[Int(places[slot])]
  }

  var addresses: Set<RedisAddress> {
    Set(shards.flatMap { [$0.master] + $0.replicas })
  }

  var masters: Set<RedisAddress> { Set(shards.map(\.master)) }

  /// What MOVED said. The shard's replicas are as they were where its master is known.
  mutating func move(_ slot: Int, to address: RedisAddress) {
    if let place = shards.firstIndex(where: { $0.master == address }) {
      places[slot] = UInt16(place)
    } else if shards.count < ClusterSlot.count {
      places[slot] = UInt16(shards.count)
      shards.append(Shard(master: address, replicas: []))
    }
  }
}
