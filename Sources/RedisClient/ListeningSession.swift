import EventLoop

/// What a listener is on the client's thread: its connection and the command that it is about.
final class ListeningSession: ConnectionOwner, Timed {
  private let listener: RedisListener
  private unowned let loop: ClientLoop
  private var command: RedisListenerCommand?
  private var slot: Int?
  private var connection: Connection?
  private var place: ListeningPlace?
  /// What MOVED or ASK named, until the topology knows better.
  private var redirected: RedisAddress?
  /// Where the topology sent it last.
  private var topologysPlace: RedisAddress?
  private var isAsking = false
  /// ASK counts for one command.
  private var isRedirectedOnce = false
  private var expectsAsking = false
  private var isWaiting = false
  private var backoff: Backoff
  private var nextAttempt: MonotonicTime?

  init(_ listener: RedisListener, loop: ClientLoop) {
    self.listener = listener
    self.loop = loop
    let times = loop.settings.times
    backoff = Backoff(firstMilliseconds: times.firstPause, longestMilliseconds: times.longestPause)
  }

  func begin() {
    loop.add(self)
    takeNext(nil)
  }

  /// Ends it; the handler is told why, and not asked any more.
  func stop(_ reason: RedisFailure.Reason) {
    let address = connection?.address
    drop()
    _ = listener.handler(.failure(RedisFailure(reason, at: address)))
  }

  /// Ends it where its owner has said so.
  func stopIfWanted() {
    guard listener.isStopped else { return }
    drop()
    loop.forget(self)
  }

  private func drop() {
    loop.remove(self)
    connection?.close()
    connection = nil
    nextAttempt = nil
    command = nil
  }

  private func takeNext(_ result: Result<RedisValue, RedisFailure>?) {
    isWaiting = false
    guard !listener.isStopped, let next = listener.handler(result) else {
      drop()
      loop.forget(self)
      return
    }
    command = next
    slot = next.command.key.map { ClusterSlot.of($0) }
    if case .failure = result { pause() } else { attempt() }
  }

  private func pause() {
    let next = loop.now.advanced(byMilliseconds: Int64(backoff.next(using: &loop.generator)))
    nextAttempt = next
    loop.remind(at: next)
  }

  /// Sends the command, over a new connection where the present one goes elsewhere.
  private func attempt() {
    nextAttempt = nil
    guard var place = loop.place(ofSlot: slot) else {
      loop.lookAgain()
      takeNext(.failure(RedisFailure(.notConnected("no master is known"), at: nil)))
      return
    }
    topologysPlace = place.address
    if let redirected { place.address = redirected }
    self.place = place
    if let connection, connection.address == place.address {
      if connection.phase == .ready { send(connection) }
      return
    }
    connection?.close()
    let connection = Connection(place.address, place.profile, loop: loop, owner: self, now: loop.now)
    self.connection = connection
    connection.begin()
  }

  private func send(_ connection: Connection) {
    guard let command else { return }
    isWaiting = true
    connection.silenceMilliseconds = command.answerWithinMilliseconds
    if isAsking {
      isAsking = false
      expectsAsking = true
      connection.send(CommandEncoding.octets(of: [Array("ASKING".utf8)]), replies: 1)
    }
    connection.send(CommandEncoding.octets(of: command.command.words), replies: 1)
  }

  /// The masters are others than before.
  func mastersChanged() {
    guard let now = loop.place(ofSlot: slot), now.address != topologysPlace else { return }
    redirected = nil
    guard let connection, now.address != connection.address else { return }
    connection.close()
    connectionEnded(connection, why: "\(now.address) is the master now")
  }

  // MARK: - The connection

  func connectionIsReady(_ connection: Connection, role: ReportedRole?) {
    guard self.connection === connection else { return }
    if place?.mustBeMaster == true, role != .master {
      connection.close()
      loop.lookAgain()
      connectionEnded(connection, why: role.map { RoleRefusal.text($0) } ?? "it does not say what it is")
      return
    }
    send(connection)
  }

  func connection(_ connection: Connection, received reply: RedisValue) {
    guard self.connection === connection else { return }
    if expectsAsking {
      expectsAsking = false
      return
    }
    guard isWaiting else { return }
    guard case .error(let text) = reply else {
      backoff.reset()
      if isRedirectedOnce { redirected = nil }
      takeNext(.success(reply))
      return
    }
    isWaiting = false
    switch ServerErrorKind(text, from: connection.address.host) {
    case .moved(_, let address):
      redirected = address
      isRedirectedOnce = false
      loop.lookAgain()
      pause()
    case .ask(let address):
      redirected = address
      isRedirectedOnce = true
      isAsking = true
      pause()
    // Tried again after a pause, but told: it may last, and nothing is heard meanwhile.
    case .passing, .wrongRole:
      redirected = nil
      loop.lookAgain()
      takeNext(.failure(RedisFailure(.serverError(text), at: connection.address)))
    case .noScript, .other: takeNext(.failure(RedisFailure(.serverError(text), at: connection.address)))
    }
  }

  func connectionHasRoom(_ connection: Connection) {}
  // It is idle only between commands, and then something is due.
  func connectionIsIdle(_ connection: Connection) {}

  func connectionEnded(_ connection: Connection, why: String) {
    guard self.connection === connection else { return }
    self.connection = nil
    expectsAsking = false
    redirected = nil
    takeNext(.failure(RedisFailure(.notConnected(why), at: connection.address)))
  }

  var nextTurn: MonotonicTime { nextAttempt ?? MonotonicTime(nanoseconds: .max) }

  func turn(_ now: MonotonicTime) {
    if let nextAttempt, nextAttempt <= now { attempt() }
  }
}
