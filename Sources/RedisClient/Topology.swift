/// Which node a command goes to, and how that is found out. Belongs to the client's thread.
protocol Topology: AnyObject {
  func begin()
  func end()
  func route(_ operation: Operation) -> Route
  /// Where a listener's connection goes; nil while nobody knows.
  func place(ofSlot slot: Int?) -> ListeningPlace?
  /// Something is missing or wrong. Bounded in how often it leads to anything.
  func lookAgain()
  /// Whether a node that is no master any more may be followed by another.
  var followsMasters: Bool { get }
  /// Nil where no node may be added.
  func moved(slot: Int, to address: RedisAddress) -> Node?
  func asked(_ address: RedisAddress) -> Node?
}

enum Route {
  case node(Node)
  /// Until the topology knows more, or the deadline passes.
  case wait
  case refuse(RedisFailure)
}

/// Where a connection of a listener's own goes, and how it logs in.
struct ListeningPlace {
  var address: RedisAddress
  var profile: ConnectionProfile
  /// Whether a node that is no master is of no use.
  var mustBeMaster = false
}

func makeTopology(_ settings: RedisSettings, _ loop: ClientLoop) -> any Topology {
  switch settings.topology {
  case .standalone(let address): FixedTopology(master: address, replicas: [], settings, loop)
  case .replicated(let master, let replicas): FixedTopology(master: master, replicas: replicas, settings, loop)
  case .sentinel(let addresses, let masterName, let credentials):
    SentinelTopology(addresses, masterName: masterName, credentials, settings, loop)
  case .cluster(let seeds): ClusterTopology(seeds, settings, loop)
  }
}

/// Takes readers in turns.
struct ReaderChoice {
  private let reads: RedisSettings.Reads
  private var turns = 0

  init(_ reads: RedisSettings.Reads) {
    self.reads = reads
  }

  var needsReplicas: Bool { reads != .master }

  /// The node for a command; nil where there is none.
  mutating func choose(isReadOnly: Bool, master: Node?, replicas: [Node]) -> Node? {
    guard isReadOnly else { return master }
    switch reads {
    case .master: return master
    case .replicaWhileMasterIsDown:
      if let master, !master.isDown { return master }
      return next(replicas) ?? master
    case .replicas: return next(replicas) ?? master
    }
  }

  mutating func next(_ nodes: [Node]) -> Node? {
    turns &+= 1
    let ready = nodes.filter(\.isReady)
    return ready.isEmpty ? nil : ready[turns % ready.count]
  }
}
