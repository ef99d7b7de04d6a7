import EventLoop

/// The client's thread: one epoll, all connections, all commands on their way.
///
/// A turn: what the sockets have, what callers have handed over, what is due; then one write to each connection.
// Made by the thread that starts the client, from then on touched by the client's own thread alone.
final class ClientLoop: @unchecked Sendable {
  let settings: RedisSettings
  let resolver: NameResolver
  let receiveBuffer = ReceiveBuffer(count: 64 << 10)
  /// The time of this turn.
  private(set) var now = MonotonicTime.now()
  var generator = SystemRandomNumberGenerator()
  private let submissions: Submissions
  private let directory: NodeDirectory
  private let writeLog: @Sendable (String) -> Void
  private let epoll: Epoll
  private var topology: (any Topology)!

  private var connections: [UInt64: Connection] = [:]
  private var lastID: UInt64 = 0
  private var timed: [ObjectIdentifier: any Timed] = [:]
  private var nextReminder = MonotonicTime(nanoseconds: .min)
  private var dirty: [Connection] = []
  private var lastLines: [String: String] = [:]
  private var listeners: [ListeningSession] = []

  private var deadlines = DeadlineHeap<Operation>()
  private var retries = DeadlineHeap<Operation>()
  private var unsettled = 0
  /// Commands for which no node is known yet.
  private var parked: [Operation] = []

  init(
    _ settings: RedisSettings, _ submissions: Submissions, _ directory: NodeDirectory,
    log: @escaping @Sendable (String) -> Void
  ) throws(SystemCallError) {
    self.settings = settings
    self.submissions = submissions
    self.directory = directory
    writeLog = log
    resolver = NameResolver(wakeUp: submissions.wakeUp)
    epoll = try Epoll()
    try epoll.add(submissions.wakeUp.descriptor, .read, data: 0)
    topology = makeTopology(settings, self)
  }

  func run() {
    submissions.markClientThread()
    now = .now()
    topology.begin()
    flush()
    repeat {
      let count = epoll.wait(milliseconds: millisecondsToWait)
      now = .now()
      for place in 0..<count {
        let event = epoll[place]
        if event.data == 0 {
          submissions.wakeUp.clear()
        } else {
          connections[event.data]?.handle(event)
        }
      }
    } while turn()
    end()
  }

  /// False when the client is to stop.
  private func turn() -> Bool {
    for found in resolver.takeFound() {
      for connection in Array(connections.values) where connection.address == found.address {
        connection.resolved(found.result)
      }
    }
    let taken = submissions.takeAll()
    for submission in taken.commands { begin(submission) }
    for listener in taken.listeners {
      let session = ListeningSession(listener, loop: self)
      listeners.append(session)
      session.begin()
    }
    for session in listeners { session.stopIfWanted() }
    guard !taken.isStopping else { return false }
    passDeadlines()
    if nextReminder <= now { remindAll() }
    flush()
    return true
  }

  private var millisecondsToWait: Int32 {
    let next = min(nextReminder, deadlines.first ?? nextReminder, retries.first ?? nextReminder)
    guard next > now else { return 0 }
    // Never too early: the turn would find nothing due, and begin again.
    let milliseconds = (next.nanoseconds.subtractingReportingOverflow(now.nanoseconds).partialValue - 1) / 1_000_000 + 1
    return Int32(clamping: min(milliseconds, 60_000))
  }

  private func end() {
    for session in listeners { session.stop(.stopped) }
    // Every command that is not settled is in it; what was just taken too.
    while let operation = deadlines.popDue(MonotonicTime(nanoseconds: .max)) {
      settle(operation, .failure(RedisFailure(.stopped, at: operation.node?.address)))
    }
    topology.end()
    for connection in Array(connections.values) { connection.close() }
    directory.clear()
    resolver.stop()
  }

  func log(_ text: String) {
    writeLog(text)
  }

  /// A line about something that is looked at again and again: written when it is another than the last one.
  func log(_ text: String, about topic: String) {
    guard lastLines[topic] != text else { return }
    // There are no more topics than nodes, save in a cluster that changes all its nodes.
    if lastLines.count > 2 * settings.bounds.nodes { lastLines = [:] }
    lastLines[topic] = text
    writeLog(text)
  }

  // MARK: - Commands

  private func begin(_ submission: Submission) {
    if !submission.slots.isEmpty, !submission.ends.isEmpty {
      for operation in Operation.split(submission) { begin(operation) }
    } else {
      begin(Operation(submission))
    }
  }

  private func begin(_ operation: Operation) {
    register(operation)
    guard operation.deadline > now else {
      // No node is to blame for that.
      settle(operation, .failure(RedisFailure(.deadlinePassed, at: nil)))
      return
    }
    route(operation)
  }

  /// From here on it is settled at its deadline at the latest.
  private func register(_ operation: Operation) {
    unsettled += 1
    deadlines.insert(operation, at: operation.deadline)
  }

  private func route(_ operation: Operation) {
    switch topology.route(operation) {
    case .node(let node): node.take(operation)
    case .wait: parked.append(operation)
    case .refuse(let failure): settle(operation, .failure(failure))
    }
  }

  /// The topology knows more than before.
  func routeParked() {
    guard !parked.isEmpty else { return }
    let all = parked
    parked = []
    for operation in all where !operation.isSettled { route(operation) }
  }

  /// The topology's masters are others than before.
  func mastersChanged() {
    routeParked()
    for session in listeners { session.mastersChanged() }
  }

  func place(ofSlot slot: Int?) -> ListeningPlace? {
    topology.place(ofSlot: slot)
  }

  /// Something is missing or wrong: the topology may look again.
  func lookAgain() {
    topology.lookAgain()
  }

  /// Of several commands, all that nobody has been told about yet.
  func settle(_ operation: Operation, _ result: Result<RedisValue, RedisFailure>) {
    let told = operation.count - operation.openCount
    guard let completion = operation.settle() else { return }
    unsettled -= 1
    submissions.release(commands: operation.admitted.commands, octets: operation.admitted.octets)
    switch completion {
    case .one(let completion): completion(result)
    case .each(let completion):
      for place in told..<operation.count { completion(place, result) }
    }
  }

  /// A node has replied to a command that still waits.
  ///
  /// - Parameter place: of the command, where several travel together.
  func answered(_ operation: Operation, _ place: Int, _ reply: RedisValue, by node: Node) {
    if case .error(let text) = reply {
      let single = operation.single(place)
      if let single { register(single) }
      refused(single ?? operation, text, by: node)
    } else if !operation.tell(place, .success(reply)) {
      return settle(operation, .success(reply))
    }
    // Everybody was told: nobody hears of this result.
    if operation.openCount == 0 { settle(operation, .success(.null)) }
  }

  /// Sends a command again where that may help.
  private func refused(_ operation: Operation, _ text: String, by node: Node) {
    switch ServerErrorKind(text, from: node.address.host) {
    case .noScript where operation.useScript():
      node.take(operation)
      return
    case .moved(let slot, let address) where operation.redirections < ClientLoop.maximumRedirections:
      if let target = topology.moved(slot: slot, to: address) {
        operation.redirections += 1
        target.take(operation)
        return
      }
    case .ask(let address) where operation.redirections < ClientLoop.maximumRedirections:
      if let target = topology.asked(address) {
        operation.redirections += 1
        operation.isAsking = true
        target.take(operation)
        return
      }
    case .passing where retry(operation): return
    case .wrongRole where topology.followsMasters && retry(operation): return
    case .noScript, .moved, .ask, .passing, .wrongRole, .other: break
    }
    node.statistics.serverErrors.increment()
    settle(operation, .failure(RedisFailure(.serverError(text), at: node.address)))
  }

  private static let maximumRedirections = 8

  /// Later, where that is before the deadline.
  private func retry(_ operation: Operation) -> Bool {
    let pause = min(200, 10 << min(operation.retries, 5))
    let time = now.advanced(byMilliseconds: Int64(pause))
    topology.lookAgain()
    guard time < operation.deadline else { return false }
    operation.retries += 1
    operation.node = nil
    retries.insert(operation, at: time)
    return true
  }

  private func passDeadlines() {
    var isAnyPassed = false
    while let operation = deadlines.popDue(now) {
      guard !operation.isSettled else { continue }
      isAnyPassed = true
      let (node, count) = (operation.node, operation.openCount)
      settle(operation, .failure(RedisFailure(.deadlinePassed, at: node?.address)))
      node?.deadlinePassed(of: count)
    }
    while let operation = retries.popDue(now) {
      if !operation.isSettled { route(operation) }
    }
    if isAnyPassed { parked.removeAll { $0.isSettled } }
    deadlines.compact(unsettled: unsettled) { $0.isSettled }
    retries.compact(unsettled: unsettled) { $0.isSettled }
  }

  func forget(_ session: ListeningSession) {
    listeners.removeAll { $0 === session }
    submissions.releaseListener()
  }

  // MARK: - Nodes and connections

  /// For `nodes`.
  func announce(_ nodes: [Node]) {
    directory.set(nodes.map(\.statistics))
  }

  func nextConnectionID() -> UInt64 {
    lastID += 1
    return lastID
  }

  func add(_ connection: Connection) {
    connections[connection.id] = connection
    add(connection as any Timed)
  }

  func remove(_ connection: Connection) {
    connections[connection.id] = nil
    remove(connection as any Timed)
  }

  func watch(_ descriptor: Int32, id: UInt64, _ interest: Epoll.Interest) throws(SystemCallError) {
    try epoll.add(descriptor, interest, data: id)
  }

  func watchAgain(_ descriptor: Int32, id: UInt64, _ interest: Epoll.Interest) {
    epoll.modify(descriptor, interest, data: id)
  }

  /// It is flushed at the end of this turn.
  func markDirty(_ connection: Connection) {
    guard !connection.isDirty else { return }
    connection.isDirty = true
    dirty.append(connection)
  }

  private func flush() {
    // A flush may end a connection, and that may make others dirty.
    while let connection = dirty.popLast() {
      connection.isDirty = false
      connection.flush()
    }
  }

  // MARK: - Time

  func add(_ new: any Timed) {
    timed[ObjectIdentifier(new)] = new
    remind(at: new.nextTurn)
  }

  func remove(_ old: any Timed) {
    timed[ObjectIdentifier(old)] = nil
  }

  func remind(at time: MonotonicTime) {
    nextReminder = min(nextReminder, time)
  }

  private func remindAll() {
    for entry in Array(timed.values) where entry.nextTurn <= now { entry.turn(now) }
    nextReminder = timed.values.reduce(MonotonicTime(nanoseconds: .max)) { min($0, $1.nextTurn) }
  }
}
