import EventLoop

/// One master and its replicas, as sentinels name them.
///
/// The sentinels are asked at the start, while the master is lost, and now and then; between that they tell. Whoever
/// they name must say of itself that it is a master before anything is sent to it.
final class SentinelTopology: Topology, NodeObserver, Timed {
  private let masterName: String
  private let profile: ConnectionProfile
  private let maximumNodes: Int
  private unowned let loop: ClientLoop
  private var readers: ReaderChoice
  private var sentinels: [Node] = []
  private var subscribers: [SentinelSubscriber] = []
  private var master: Node?
  /// Named while the master still works: takes its place once it says that it is a master.
  private var candidate: Node?
  private var replicas: [Node] = []
  private var lastLook = MonotonicTime(nanoseconds: .min)
  private var isLookWanted = true

  init(
    _ addresses: [RedisAddress], masterName: String, _ credentials: RedisCredentials?, _ settings: RedisSettings,
    _ loop: ClientLoop
  ) {
    self.masterName = masterName
    self.loop = loop
    maximumNodes = settings.bounds.nodes
    readers = ReaderChoice(settings.reads)
    var profile = ConnectionProfile(settings)
    profile.asksRole = true
    self.profile = profile
    var toSentinels = ConnectionProfile(settings)
    toSentinels.credentials = credentials
    toSentinels.database = 0
    for address in addresses.prefix(maximumNodes) {
      sentinels.append(Node(address, role: .sentinel, toSentinels, loop: loop, observer: self))
      subscribers.append(
        SentinelSubscriber(
          address, toSentinels, loop: loop, subscribed: { [weak self] in self?.lookNow() },
          switched: { [weak self] in self?.switched($0) }))
    }
  }

  func begin() {
    loop.add(self)
    announce()
    for sentinel in sentinels { sentinel.begin() }
    for subscriber in subscribers { subscriber.begin() }
  }

  func end() {
    loop.remove(self)
    for subscriber in subscribers { subscriber.close() }
    for node in all { node.close(why: "the client was stopped") }
  }

  private var all: [Node] { sentinels + [master, candidate].compactMap(\.self) + replicas }

  private func announce() {
    loop.announce(all)
  }

  func route(_ operation: Operation) -> Route {
    if let node = readers.choose(isReadOnly: operation.isReadOnly, master: master, replicas: replicas) {
      return .node(node)
    }
    guard let first = sentinels.first, sentinels.allSatisfy(\.isDown) else { return .wait }
    let why = first.statistics.report.lastFailure ?? "no connection"
    return .refuse(RedisFailure(.notConnected("no sentinel can be reached: \(why)"), at: first.address))
  }

  func place(ofSlot slot: Int?) -> ListeningPlace? {
    master.map { ListeningPlace(address: $0.address, profile: profile, mustBeMaster: true) }
  }

  var followsMasters: Bool { true }
  func moved(slot: Int, to address: RedisAddress) -> Node? { nil }
  func asked(_ address: RedisAddress) -> Node? { nil }

  // MARK: - Asking

  func lookAgain() {
    isLookWanted = true
    loop.remind(at: nextTurn)
  }

  /// Without waiting for its turn: a sentinel has something to say.
  private func lookNow() {
    lastLook = loop.now
    isLookWanted = false
    for sentinel in sentinels where sentinel.isReady { ask(sentinel) }
  }

  private func ask(_ sentinel: Node) {
    sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName) { [weak self] answer in
      guard let self else { return }
      switch answer {
      case .success(let reply):
        guard let address = SentinelReply.master(reply) else {
          loop.log(
            "Redis sentinel at \(sentinel.address): knows no master '\(masterName)'", about: "\(sentinel.address)")
          return
        }
        learned(address, isCertain: false)
      case .failure(let failure): loop.log("asking for the master: \(failure)", about: "\(sentinel.address)")
      }
    }
    guard readers.needsReplicas else { return }
    sentinel.ask("SENTINEL", "REPLICAS", masterName) { [weak self] answer in
      guard let self, case .success(let reply) = answer,
        let addresses = SentinelReply.replicas(reply, maximum: maximumNodes)
      else { return }
      learned(replicas: addresses)
    }
  }

  private func switched(_ payload: String) {
    guard let address = SentinelReply.switched(payload, masterName: masterName) else { return }
    learned(address, isCertain: true)
    // The replicas are others now.
    lookNow()
  }

  // MARK: - What is learned

  private func learned(_ address: RedisAddress, isCertain: Bool) {
    guard master?.address != address else { return }
    // One sentinel alone may be behind the others, and name the last master when it is asked.
    if let master, !master.isDown, !isCertain {
      // One that is being connected to was named a moment ago.
      guard master.isReady, candidate?.address != address else { return }
      candidate?.close(why: "another node was named as master")
      candidate = Node(address, role: .master, profile, loop: loop, observer: self)
      announce()
      candidate?.begin()
      return
    }
    let new = candidate?.address == address ? candidate.take() : nil
    replaceMaster(with: new ?? Node(address, role: .master, profile, loop: loop, observer: self), isNew: new == nil)
  }

  private func replaceMaster(with new: Node, isNew: Bool) {
    let old = master
    master = new
    candidate?.close(why: "another node is the master")
    candidate = nil
    if let old {
      loop.log("Redis master '\(masterName)': \(new.address) instead of \(old.address)")
    } else {
      loop.log("Redis master '\(masterName)': \(new.address)")
    }
    announce()
    if isNew { new.begin() }
    old?.close(why: "\(new.address) is the master now")
    loop.mastersChanged()
  }

  private func learned(replicas addresses: [RedisAddress]) {
    let wanted = Set(addresses).subtracting([master?.address].compactMap(\.self))
    let gone = replicas.filter { !wanted.contains($0.address) }
    let new = wanted.subtracting(replicas.map(\.address))
    guard !gone.isEmpty || !new.isEmpty else { return }
    replicas.removeAll { !wanted.contains($0.address) }
    let added = new.map { Node($0, role: .replica, profile, loop: loop, observer: self) }
    replicas += added
    announce()
    for node in added { node.begin() }
    for node in gone { node.close(why: "it is no replica of '\(masterName)' any more") }
  }

  // MARK: - Ups and downs

  func nodeIsReady(_ node: Node, role: ReportedRole?) -> String? {
    if sentinels.contains(where: { $0 === node }) {
      ask(node)
      return nil
    }
    guard node === master || node === candidate else { return nil }
    guard role == .master else { return role.map { RoleRefusal.text($0) } ?? "it does not say what it is" }
    if node === candidate {
      candidate = nil
      replaceMaster(with: node, isNew: false)
    }
    return nil
  }

  func nodeFailed(_ node: Node) {
    if node === candidate {
      candidate = nil
      announce()
      node.close(why: "it is not the master")
    } else if node === master {
      lookAgain()
    }
    // With the last sentinel gone, what waits for a master waits for nothing.
    loop.routeParked()
  }

  var nextTurn: MonotonicTime {
    let isMissing = isLookWanted || master?.isReady != true
    return lastLook.advanced(byMilliseconds: Int64(profile.times.lookAgain) * (isMissing ? 1 : 10))
  }

  func turn(_ now: MonotonicTime) {
    lookNow()
  }
}
