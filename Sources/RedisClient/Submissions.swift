import EventLoop
import Glibc
import Synchronization

/// A command as its caller hands it over, or several that travel together.
struct Submission: Sendable {
  typealias One = @Sendable (Result<RedisValue, RedisFailure>) -> Void
  /// Called for each command with its place.
  typealias Each = @Sendable (Int, Result<RedisValue, RedisFailure>) -> Void

  enum Completion: Sendable {
    case one(One)
    case each(Each)
  }

  /// A command that names a script, and the script.
  struct Script: Sendable {
    var words: [[UInt8]]
    var text: [UInt8]
  }

  var octets: [UInt8]
  /// Where each of several commands ends; empty for a single one.
  var ends: [Int] = []
  /// Of each key, in a cluster.
  var slots: [Int]
  var isReadOnly: Bool
  var script: Script?
  var deadline: MonotonicTime
  var completion: Completion

  /// - Parameter isForCluster: whether the key's slot is of interest.
  init(_ command: RedisCommand, isForCluster: Bool, deadline: MonotonicTime, completion: @escaping One) {
    octets = CommandEncoding.octets(of: command.words)
    slots = isForCluster ? command.key.map { [ClusterSlot.of($0)] } ?? [] : []
    isReadOnly = command.isReadOnly
    script = command.script.map { Script(words: command.words, text: $0) }
    self.deadline = deadline
    self.completion = .one(completion)
  }

  init(_ batch: RedisBatch, deadline: MonotonicTime, completion: @escaping Each) {
    octets = batch.octets
    ends = batch.ends
    slots = batch.slots
    isReadOnly = false
    self.deadline = deadline
    self.completion = .each(completion)
  }

  /// Commands.
  var count: Int { max(1, ends.count) }
}

/// What any thread hands to the client's thread, and how much of it there may be.
final class Submissions: Sendable {
  /// What the client's thread takes.
  struct Taken {
    var commands: [Submission]
    var listeners: [RedisListener]
    var isStopping: Bool
  }

  private enum Phase {
    case notStarted, running, stopping
  }

  private struct State {
    var phase = Phase.notStarted
    var commands: [Submission] = []
    var listeners: [RedisListener] = []
    /// Admitted and not settled, those that the client's thread has taken included.
    var count = 0
    var octets = 0
    var listenerCount = 0
    var isRung = false
  }

  /// Connections of their own, each.
  static let maximumListeners = 64

  let wakeUp: EventCounter
  private let bounds: RedisSettings.Bounds
  private let state = Mutex(State())
  private let clientThread = Atomic<UInt>(0)

  init(_ bounds: RedisSettings.Bounds) throws(SystemCallError) {
    self.bounds = bounds
    wakeUp = try EventCounter()
  }

  /// What may be encoded at all. hiredis counts octets with an Int32.
  var maximumCommandOctets: Int { min(bounds.octets, Int(Int32.max) / 2) }

  var commandTooLong: String { "commands of more than \(maximumCommandOctets) octets" }

  /// All of it, or nothing: then why.
  func admit(_ submission: Submission) -> RedisFailure.Reason? {
    ringing { state in
      if let refusal = refusal(state) { return refusal }
      guard state.count + submission.count <= bounds.commands else {
        return .overloaded("\(state.count) commands wait; \(bounds.commands) may")
      }
      guard state.octets + submission.octets.count <= bounds.octets else {
        return .overloaded("\(state.octets) octets of commands wait; \(bounds.octets) may")
      }
      state.count += submission.count
      state.octets += submission.octets.count
      state.commands.append(submission)
      return nil
    }
  }

  func admit(_ listener: RedisListener) -> RedisFailure.Reason? {
    ringing { state in
      if let refusal = refusal(state) { return refusal }
      guard state.listenerCount < Submissions.maximumListeners else {
        return .overloaded("there are \(state.listenerCount) listeners already")
      }
      state.listenerCount += 1
      state.listeners.append(listener)
      return nil
    }
  }

  private func refusal(_ state: borrowing State) -> RedisFailure.Reason? {
    switch state.phase {
    case .notStarted: .notConnected("the client was not started")
    case .running: nil
    case .stopping: .stopped
    }
  }

  /// Wakes the client's thread, once for all that comes before it looks.
  private func ringing(_ body: (inout State) -> RedisFailure.Reason?) -> RedisFailure.Reason? {
    let (refusal, rings) = state.withLock { state in
      let refusal = body(&state)
      let rings = refusal == nil && !state.isRung
      if rings { state.isRung = true }
      return (refusal, rings)
    }
    if rings { wakeUp.signal() }
    return refusal
  }

  func takeAll() -> Taken {
    state.withLock { state in
      state.isRung = false
      defer {
        state.commands = []
        state.listeners = []
      }
      return Taken(commands: state.commands, listeners: state.listeners, isStopping: state.phase == .stopping)
    }
  }

  /// Commands that were admitted are settled.
  func release(commands: Int, octets: Int) {
    state.withLock { state in
      state.count -= commands
      state.octets -= octets
    }
  }

  func releaseListener() {
    state.withLock { $0.listenerCount -= 1 }
  }

  /// False where it was started before.
  func start() -> Bool {
    state.withLock { state in
      guard state.phase == .notStarted else { return false }
      state.phase = .running
      return true
    }
  }

  /// To be called by the client's thread as it begins.
  func markClientThread() {
    clientThread.store(pthread_self(), ordering: .relaxed)
  }

  /// True only where it is: nobody else stores its number.
  var isOnClientThread: Bool { clientThread.load(ordering: .relaxed) == pthread_self() }

  func stop() {
    state.withLock { $0.phase = .stopping }
    wakeUp.signal()
  }
}
