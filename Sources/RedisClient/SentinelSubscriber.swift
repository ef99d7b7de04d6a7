import EventLoop

/// A connection to a sentinel on which it tells of new masters. Belongs to the client's thread.
final class SentinelSubscriber: ConnectionOwner, Timed {
  private let address: RedisAddress
  private let profile: ConnectionProfile
  private unowned let loop: ClientLoop
  /// A message of the channel came.
  private let switched: (String) -> Void
  /// Messages come from now on; what happened before was not told.
  private let subscribed: () -> Void
  private var backoff: Backoff
  private var connection: Connection?
  private var nextAttempt: MonotonicTime?

  private static let channel = "+switch-master"

  init(
    _ address: RedisAddress, _ profile: ConnectionProfile, loop: ClientLoop, subscribed: @escaping () -> Void,
    switched: @escaping (String) -> Void
  ) {
    self.address = address
    self.profile = profile
    self.loop = loop
    self.switched = switched
    self.subscribed = subscribed
    backoff = Backoff(firstMilliseconds: profile.times.firstPause, longestMilliseconds: profile.times.longestPause)
  }

  func begin() {
    loop.add(self)
    connect()
  }

  func close() {
    loop.remove(self)
    connection?.close()
    connection = nil
    nextAttempt = nil
  }

  private func connect() {
    nextAttempt = nil
    let connection = Connection(address, profile, loop: loop, owner: self, now: loop.now)
    self.connection = connection
    connection.begin()
  }

  func connectionIsReady(_ connection: Connection, role: ReportedRole?) {
    let words = ["SUBSCRIBE", SentinelSubscriber.channel].map { Array($0.utf8) }
    connection.send(CommandEncoding.octets(of: words), replies: 1)
  }

  func connection(_ connection: Connection, received reply: RedisValue) {
    if let (channel, payload) = SentinelReply.message(reply) {
      if channel == SentinelSubscriber.channel { switched(payload) }
    } else if case .error(let text) = reply {
      connection.close()
      connectionEnded(connection, why: text)
    } else if reply.elements?.first?.text == "subscribe" {
      backoff.reset()
      subscribed()
    }
  }

  func connectionHasRoom(_ connection: Connection) {}

  func connectionIsIdle(_ connection: Connection) {
    // Allowed while subscribed; answered with an array.
    connection.send(CommandEncoding.octets(of: [Array("PING".utf8)]), replies: 1)
  }

  func connectionEnded(_ connection: Connection, why: String) {
    guard self.connection === connection else { return }
    self.connection = nil
    let next = loop.now.advanced(byMilliseconds: Int64(backoff.next(using: &loop.generator)))
    nextAttempt = next
    loop.remind(at: next)
  }

  var nextTurn: MonotonicTime { nextAttempt ?? MonotonicTime(nanoseconds: .max) }

  func turn(_ now: MonotonicTime) {
    if let nextAttempt, nextAttempt <= now { connect() }
  }
}
