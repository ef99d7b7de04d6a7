import EventLoop

/// A Redis Cluster: each key has a slot, each slot a master, and a map says which.
///
/// The map is asked for at the start, after MOVED, while a master is down, and now and then. MOVED counts at once, for
/// its slot alone.
final class ClusterTopology: Topology, NodeObserver, Timed {
  private let seeds: [RedisAddress]
  private let profile: ConnectionProfile
  private let maximumNodes: Int
  private unowned let loop: ClientLoop
  private var readers: ReaderChoice
  private var nodes: [RedisAddress: Node] = [:]
  private var map = SlotMap()
  private var isAsking = false
  private var isLookWanted = true
  private var lastLook = MonotonicTime(nanoseconds: .min)

  /// A node that ASK or MOVED named stays for so long, whatever the map says: it may be getting its first slot.
  private static let keptMilliseconds: Int64 = 10_000

  init(_ seeds: [RedisAddress], _ settings: RedisSettings, _ loop: ClientLoop) {
    maximumNodes = max(1, settings.bounds.nodes)
    self.seeds = Array(seeds.prefix(maximumNodes))
    self.loop = loop
    readers = ReaderChoice(settings.reads)
    var profile = ConnectionProfile(settings)
    profile.database = 0
    // To every node: a master may become a replica, and does not mind before.
    profile.saysReadOnly = readers.needsReplicas
    self.profile = profile
  }

  func begin() {
    loop.add(self)
    addSeeds()
  }

  func end() {
    loop.remove(self)
    for node in nodes.values { node.close(why: "the client was stopped") }
  }

  private func addSeeds() {
    for seed in seeds { _ = node(at: seed) }
  }

  /// The node, new where it was not known. Nil where there are too many.
  private func node(at address: RedisAddress) -> Node? {
    if let known = nodes[address] { return known }
    guard nodes.count < maximumNodes else {
      loop.log("Redis cluster: nodes beyond the first \(maximumNodes) are left out", about: "nodes")
      return nil
    }
    let new = Node(address, role: .master, profile, loop: loop, observer: self)
    nodes[address] = new
    announce()
    new.begin()
    return new
  }

  private func announce() {
    loop.announce(nodes.values.sorted { $0.address.description < $1.address.description })
  }

  // MARK: - Routes

  func route(_ operation: Operation) -> Route {
    guard !map.isEmpty else { return withoutMap() }
    guard let slot = operation.slot else {
      let masters = map.masters.compactMap { nodes[$0] }
      return (readers.next(masters) ?? masters.first).map { .node($0) } ?? withoutMap()
    }
    guard let shard = map.shard(of: slot) else {
      lookAgain()
      return .wait
    }
    let replicas = readers.needsReplicas ? shard.replicas.compactMap { nodes[$0] } : []
    let node = readers.choose(isReadOnly: operation.isReadOnly, master: nodes[shard.master], replicas: replicas)
    return node.map { .node($0) }
      ?? .refuse(RedisFailure(.overloaded("the cluster has more than \(maximumNodes) nodes"), at: shard.master))
  }

  private func withoutMap() -> Route {
    guard let node = nodes.values.first, nodes.values.allSatisfy(\.isDown) else { return .wait }
    let why = node.statistics.report.lastFailure ?? "no connection"
    return .refuse(RedisFailure(.notConnected("no node of the cluster can be reached: \(why)"), at: node.address))
  }

  func place(ofSlot slot: Int?) -> ListeningPlace? {
    let master = slot.map { map.shard(of: $0)?.master } ?? map.shards.first?.master
    return master.map { ListeningPlace(address: $0, profile: profile) }
  }

  var followsMasters: Bool { true }

  func moved(slot: Int, to address: RedisAddress) -> Node? {
    lookAgain()
    guard let target = node(at: address) else { return nil }
    target.keptUntil = loop.now.advanced(byMilliseconds: ClusterTopology.keptMilliseconds)
    map.move(slot, to: address)
    return target
  }

  func asked(_ address: RedisAddress) -> Node? {
    guard let target = node(at: address) else { return nil }
    target.keptUntil = loop.now.advanced(byMilliseconds: ClusterTopology.keptMilliseconds)
    return target
  }

  // MARK: - The map

  func lookAgain() {
    isLookWanted = true
    loop.remind(at: nextTurn)
  }

  private func look() {
    lastLook = loop.now
    var ready = nodes.values.filter(\.isReady)
    if ready.isEmpty { addSeeds() }
    ready.shuffle(using: &loop.generator)
    if let node = ready.first { ask(node) }
  }

  private func ask(_ node: Node) {
    guard !isAsking else { return }
    isAsking = true
    lastLook = loop.now
    node.ask("CLUSTER", "SLOTS") { [weak self] answer in
      guard let self else { return }
      isAsking = false
      switch answer {
      case .failure(let failure):
        loop.log("asking for the cluster's slots: \(failure)", about: "slots")
        lookAgain()
      case .success(let reply):
        guard let map = SlotMap(reply, askedAt: node.address.host, maximumNodes: maximumNodes) else {
          // A node that has not met the others yet, perhaps.
          lookAgain()
          return
        }
        isLookWanted = false
        adopt(map)
      }
    }
  }

  private func adopt(_ new: SlotMap) {
    map = new
    let masters = map.masters
    let wanted = readers.needsReplicas ? map.addresses : masters
    for (address, node) in nodes where !wanted.contains(address) && node.isQuiet && node.keptUntil <= loop.now {
      nodes[address] = nil
      node.close(why: "the cluster's map does not name it")
    }
    for address in wanted { node(at: address)?.statistics.set(role: masters.contains(address) ? .master : .replica) }
    announce()
    loop.mastersChanged()
  }

  // MARK: - Ups and downs

  func nodeIsReady(_ node: Node, role: ReportedRole?) -> String? {
    if map.isEmpty { ask(node) }
    return nil
  }

  func nodeFailed(_ node: Node) {
    lookAgain()
    // With the last node gone, what waits for a map waits for nothing.
    if map.isEmpty { loop.routeParked() }
  }

  private var isMissing: Bool {
    isLookWanted || map.isEmpty || map.shards.contains { nodes[$0.master]?.isReady != true }
  }

  var nextTurn: MonotonicTime {
    lastLook.advanced(byMilliseconds: Int64(profile.times.lookAgain) * (isMissing ? 1 : 10))
  }

  func turn(_ now: MonotonicTime) {
    look()
  }
}
