import EventLoop

/// A node and the one connection that all commands to it share. Belongs to the client's thread.
final class Node: ConnectionOwner, Timed {
  /// What the next reply is for.
  private enum Expected {
    case operation(Operation)
    case ping
    /// ASKING has a reply of its own.
    case asking
    /// A question of the client itself.
    case question((Result<RedisValue, RedisFailure>) -> Void)
  }

  let address: RedisAddress
  let statistics: NodeStatistics
  private let profile: ConnectionProfile
  private unowned let loop: ClientLoop
  private weak var observer: (any NodeObserver)?
  private var breaker: NodeBreaker
  private var backoff: Backoff
  private var connection: Connection?
  private var readySince: MonotonicTime?
  private var wasReady = false
  private var nextAttempt: MonotonicTime?
  private var waiting = Queue<Operation>()
  private var unanswered = Queue<Expected>()
  private var isPinging = false
  /// Not to be dropped before, although the cluster's map does not name it: it was named by ASK or MOVED.
  var keptUntil = MonotonicTime(nanoseconds: .min)

  init(
    _ address: RedisAddress, role: NodeReport.Role, _ profile: ConnectionProfile, loop: ClientLoop,
    observer: any NodeObserver
  ) {
    self.address = address
    self.profile = profile
    self.loop = loop
    self.observer = observer
    statistics = NodeStatistics(address, role: role)
    breaker = NodeBreaker(deadlinesInARow: profile.bounds.deadlinesInARow)
    backoff = Backoff(firstMilliseconds: profile.times.firstPause, longestMilliseconds: profile.times.longestPause)
  }

  var isReady: Bool { connection?.phase == .ready && !breaker.isOpen }
  var isDown: Bool { breaker.isOpen }
  var isQuiet: Bool { waiting.isEmpty && unanswered.isEmpty }

  func begin() {
    loop.add(self)
    connect()
  }

  /// Ends it for good; what it owes fails.
  func close(why: String) {
    loop.remove(self)
    connection?.close()
    connection = nil
    nextAttempt = nil
    failAll(why)
  }

  // MARK: - Commands

  /// Fails at once where the node is down.
  func take(_ operation: Operation) {
    operation.node = self
    if case .open(let why) = breaker.state {
      fail(operation, why)
      return
    }
    waiting.append(operation)
    if let connection, connection.phase == .ready { loop.markDirty(connection) }
  }

  /// Asks something for the client itself. The answer comes on this thread, also where there is no connection.
  func ask(_ words: String..., answer: @escaping (Result<RedisValue, RedisFailure>) -> Void) {
    guard let connection, connection.phase == .ready else {
      answer(.failure(RedisFailure(.notConnected("no connection"), at: address)))
      return
    }
    unanswered.append(.question(answer))
    connection.send(CommandEncoding.octets(of: words.map { Array($0.utf8) }), replies: 1)
  }

  /// The deadline of commands of this node, which travelled together, has passed.
  func deadlinePassed(of commands: Int) {
    statistics.deadlines.increment(by: UInt64(commands))
    guard breaker.deadlinePassed(), case .open(let why) = breaker.state else { return }
    setState(.down, why: why)
    // What was sent may be answered yet.
    for operation in waiting.takeAll() { fail(operation, why) }
    ping()
  }

  func connectionHasRoom(_ connection: Connection) {
    while connection.hasRoom, connection.owed < profile.bounds.unanswered, let operation = waiting.popFirst() {
      guard !operation.isSettled else { continue }
      if operation.isAsking {
        operation.isAsking = false
        unanswered.append(.asking)
        connection.send(Node.asking, replies: 1)
      }
      unanswered.append(.operation(operation))
      connection.send(operation.octets, replies: operation.count)
      statistics.commands.increment(by: UInt64(operation.count))
    }
  }

  private static let asking = CommandEncoding.octets(of: [Array("ASKING".utf8)])
  private static let pingOctets = CommandEncoding.octets(of: [Array("PING".utf8)])

  func connection(_ connection: Connection, received reply: RedisValue) {
    if case .operation(let operation) = unanswered.first {
      let place = operation.takeReply()
      if operation.isAnswered { _ = unanswered.popFirst() }
      // Where its deadline has passed, it only keeps the order.
      guard !operation.isSettled else { return }
      breaker.answered()
      loop.answered(operation, place, reply, by: self)
      return
    }
    switch unanswered.popFirst() {
    case .operation: break
    case .ping:
      isPinging = false
      if !Node.isUnwell(reply) { pingSucceeded() }
    case .asking: break
    case .question(let answer):
      if case .error(let text) = reply {
        answer(.failure(RedisFailure(.serverError(text), at: address)))
      } else {
        answer(.success(reply))
      }
    case nil:
      connection.close()
      connectionEnded(connection, why: "a reply came that nobody had asked for")
    }
  }

  private static func isUnwell(_ reply: RedisValue) -> Bool {
    guard case .error(let text) = reply else { return false }
    return text.hasPrefix("LOADING") || text.hasPrefix("MASTERDOWN") || text.hasPrefix("NOAUTH")
  }

  private func ping() {
    guard !isPinging, let connection, connection.phase == .ready else { return }
    isPinging = true
    unanswered.append(.ping)
    connection.send(Node.pingOctets, replies: 1)
  }

  private func pingSucceeded() {
    let wasOpen = breaker.isOpen
    breaker.pingSucceeded()
    setState(.ready)
    if wasOpen, let connection { loop.markDirty(connection) }
  }

  // MARK: - The connection

  private func connect() {
    nextAttempt = nil
    let connection = Connection(address, profile, loop: loop, owner: self, now: loop.now)
    self.connection = connection
    connection.begin()
  }

  func connectionIsReady(_ connection: Connection, role: ReportedRole?) {
    if let why = observer?.nodeIsReady(self, role: role) {
      // Closed meanwhile by the observer itself, perhaps.
      guard self.connection === connection else { return }
      connection.close()
      connectionEnded(connection, why: why)
      return
    }
    guard self.connection === connection else { return }
    if wasReady { statistics.reconnects.increment() }
    wasReady = true
    readySince = loop.now
    pingSucceeded()
  }

  func connectionIsIdle(_ connection: Connection) {
    ping()
  }

  func connectionEnded(_ connection: Connection, why: String) {
    guard self.connection === connection else { return }
    self.connection = nil
    isPinging = false
    // One that held for a while was good: it is tried again soon. One that breaks at once is not.
    if let since = readySince, since.advanced(byMilliseconds: 1000) <= loop.now { backoff.reset() }
    readySince = nil
    let next = loop.now.advanced(byMilliseconds: Int64(backoff.next(using: &loop.generator)))
    nextAttempt = next
    loop.remind(at: next)
    breaker.failed(why: why)
    setState(.down, why: why)
    failAll(why)
    observer?.nodeFailed(self)
  }

  private func failAll(_ why: String) {
    let expected = unanswered.takeAll()
    let operations = waiting.takeAll()
    for entry in expected {
      switch entry {
      case .operation(let operation): fail(operation, why)
      case .question(let answer): answer(.failure(RedisFailure(.notConnected(why), at: address)))
      case .ping, .asking: break
      }
    }
    for operation in operations { fail(operation, why) }
  }

  private func fail(_ operation: Operation, _ why: String) {
    guard !operation.isSettled else { return }
    statistics.failures.increment(by: UInt64(operation.openCount))
    loop.settle(operation, .failure(RedisFailure(.notConnected(why), at: address)))
  }

  private func setState(_ state: NodeReport.State, why: String? = nil) {
    guard statistics.set(state: state, why: why, now: loop.now) else { return }
    switch state {
    case .ready: loop.log("Redis at \(address): connected")
    case .down: loop.log("Redis at \(address): down: \(why ?? "")")
    case .connecting: break
    }
  }

  // MARK: - Time

  var nextTurn: MonotonicTime { nextAttempt ?? MonotonicTime(nanoseconds: .max) }

  func turn(_ now: MonotonicTime) {
    if let nextAttempt, nextAttempt <= now { connect() }
  }
}
