/// Nodes that stay what they are: one, or a master with replicas.
final class FixedTopology: Topology, NodeObserver {
  private let master: RedisAddress
  private let replicas: [RedisAddress]
  private unowned let loop: ClientLoop
  private let profile: ConnectionProfile
  private var readers: ReaderChoice
  private var masterNode: Node?
  private var replicaNodes: [Node] = []

  init(master: RedisAddress, replicas: [RedisAddress], _ settings: RedisSettings, _ loop: ClientLoop) {
    self.master = master
    self.replicas = Array(replicas.prefix(settings.bounds.nodes))
    self.loop = loop
    var profile = ConnectionProfile(settings)
    // One node alone is taken for what it is, so that its user needs no right to ask.
    profile.asksRole = !replicas.isEmpty
    self.profile = profile
    readers = ReaderChoice(settings.reads)
  }

  func begin() {
    let master = Node(master, role: .master, profile, loop: loop, observer: self)
    masterNode = master
    if readers.needsReplicas {
      replicaNodes = replicas.map { Node($0, role: .replica, profile, loop: loop, observer: self) }
    }
    let all = [master] + replicaNodes
    loop.announce(all)
    for node in all { node.begin() }
  }

  func end() {
    for node in [masterNode].compactMap(\.self) + replicaNodes { node.close(why: "the client was stopped") }
  }

  func route(_ operation: Operation) -> Route {
    guard
      let node = readers.choose(isReadOnly: operation.isReadOnly, master: masterNode, replicas: replicaNodes)
    else { return .wait }
    return .node(node)
  }

  func place(ofSlot slot: Int?) -> ListeningPlace? {
    ListeningPlace(address: master, profile: profile, mustBeMaster: profile.asksRole)
  }

  func nodeIsReady(_ node: Node, role: ReportedRole?) -> String? {
    guard node === masterNode, let role, role != .master else { return nil }
    return RoleRefusal.text(role)
  }

  func nodeFailed(_ node: Node) {}
  func lookAgain() {}
  var followsMasters: Bool { false }
  func moved(slot: Int, to address: RedisAddress) -> Node? { nil }
  func asked(_ address: RedisAddress) -> Node? { nil }
}

enum RoleRefusal {
  static func text(_ role: ReportedRole) -> String {
    switch role {
    case .master: "it says that it is a master"
    case .replica(let master?): "it says that it is no master but a replica of \(master)"
    case .replica(nil): "it says that it is no master but a replica"
    case .sentinel: "it says that it is no master but a sentinel"
    }
  }
}
