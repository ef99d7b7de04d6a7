public import EventLoop
import Synchronization

/// Speaks to Redis: one node, a master with replicas, a master that sentinels name, or a cluster.
///
/// Any thread may call it, and no call blocks (save `stop`). One thread, `redis`, owns all connections; completions
/// and handlers are called on it and must not block. Commands of all callers share one connection to each node: those
/// that wait at the end of a turn of the thread go out with one write. Commands of one thread to one node are obeyed in
/// their order, save one that the server refused for a moment (a slot on its way, data being loaded): it is sent again.
///
/// A node that cannot be reached, or does not answer, is down within `RedisSettings.Times`: what it owes fails, new
/// commands for it fail at once, and it is tried again with growing pauses.
public final class RedisClient: Sendable {
  public typealias Completion = @Sendable (Result<RedisValue, RedisFailure>) -> Void

  private let settings: RedisSettings
  private let submissions: Submissions
  private let directory = NodeDirectory()
  private let log: @Sendable (String) -> Void
  private let thread = Mutex<NamedThread?>(nil)
  private let isForCluster: Bool

  /// - Parameter log: gets a line where a node comes up, goes down or is replaced; on the client's thread.
  /// - Throws: where the system has no descriptor left.
  public init(
    _ settings: RedisSettings, log: @escaping @Sendable (String) -> Void
  ) throws(SystemCallError) {
    self.settings = settings
    self.log = log
    isForCluster = if case .cluster = settings.topology { true } else { false }
    submissions = try Submissions(settings.bounds)
  }

  deinit {
    stop()
  }

  /// Starts the thread and connects. Once; commands before it fail.
  public func start() throws(SystemCallError) {
    let loop = try ClientLoop(settings, submissions, directory, log: log)
    guard submissions.start() else { return }
    thread.withLock { $0 = NamedThread(name: "redis") { loop.run() } }
  }

  /// Fails all that is not answered with `stopped`, closes all connections and waits for the thread, save where it is
  /// called on that thread.
  public func stop() {
    submissions.stop()
    guard let thread = thread.withLock({ $0.take() }) else { return }
    if submissions.isOnClientThread { thread.detach() } else { thread.join() }
  }

  /// Sends a command to the node that its key belongs to.
  ///
  /// - Parameters:
  ///   - deadlineMilliseconds: from now; the completion has been called by then.
  ///   - completion: called once: on the client's thread, or at once on this one where the command is refused because
  ///     of a bound or because the client does not run.
  public func perform(_ command: RedisCommand, deadlineMilliseconds: Int, completion: @escaping Completion) {
    let deadline = MonotonicTime.now().advanced(byMilliseconds: Int64(deadlineMilliseconds))
    guard CommandEncoding.bound(command.words) <= submissions.maximumCommandOctets else {
      completion(.failure(RedisFailure(.overloaded(submissions.commandTooLong), at: nil)))
      return
    }
    let submission = Submission(command, isForCluster: isForCluster, deadline: deadline, completion: completion)
    if let refusal = submissions.admit(submission) { completion(.failure(RedisFailure(refusal, at: nil))) }
  }

  /// An empty batch for this client.
  ///
  /// - Parameters:
  ///   - commands: as many as will be added, about.
  ///   - octets: that these will have, about.
  public func batch(commands: Int, octets: Int) -> RedisBatch {
    RedisBatch(isForCluster: isForCluster, commands: commands, octets: octets)
  }

  /// Sends commands together, each to its node; all are admitted, or none.
  ///
  /// - Parameter completion: called once for each command, with its place; as in `perform` of one.
  public func perform(
    _ batch: RedisBatch, deadlineMilliseconds: Int,
    completion: @escaping @Sendable (Int, Result<RedisValue, RedisFailure>) -> Void
  ) {
    guard batch.count > 0 else { return }
    func refuse(_ reason: RedisFailure.Reason) {
      for place in 0..<batch.count { completion(place, .failure(RedisFailure(reason, at: nil))) }
    }
    guard batch.octets.count <= submissions.maximumCommandOctets else {
      refuse(.overloaded(submissions.commandTooLong))
      return
    }
    let deadline = MonotonicTime.now().advanced(byMilliseconds: Int64(deadlineMilliseconds))
    if let refusal = submissions.admit(Submission(batch, deadline: deadline, completion: completion)) {
      refuse(refusal)
    }
  }

  /// Opens a connection of its own for commands that block, such as XREAD BLOCK. See `RedisListener`.
  @discardableResult
  public func listen(next: @escaping RedisListener.Handler) -> RedisListener {
    let listener = RedisListener(next, wakeUp: submissions.wakeUp)
    if let refusal = submissions.admit(listener) { _ = next(.failure(RedisFailure(refusal, at: nil))) }
    return listener
  }

  /// All nodes as they are now, sentinels included; none before the start and after the end.
  public var nodes: [NodeReport] { directory.reports }
}
