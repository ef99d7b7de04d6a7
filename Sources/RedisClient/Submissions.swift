import EventLoop
import Glibc
import Synchronization

/// A command as its caller hands it over.
struct Submission: Sendable {
  typealias Completion = @Sendable (Result<RedisValue, RedisFailure>) -> Void

  /// A command that names a script, and the script.
  struct Script: Sendable {
    var words: [[UInt8]]
    var text: [UInt8]
  }

  var octets: [UInt8]
  var slot: Int?
  var isReadOnly: Bool
  var script: Script?
  var deadline: MonotonicTime
  var completion: Completion

  /// - Parameter isForCluster: whether the key's slot is of interest.
  init(_ command: RedisCommand, isForCluster: Bool, deadline: MonotonicTime, completion: @escaping Completion) {
    octets = CommandEncoding.octets(of: command.words)
    slot = isForCluster ? command.key.map { ClusterSlot.of($0) } : nil
    isReadOnly = command.isReadOnly
    script = command.script.map { Script(words: command.words, text: $0) }
    self.deadline = deadline
    self.completion = completion
  }
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

  /// All of them, in order, or none: then why.
  func admit(_ submissions: [Submission]) -> RedisFailure.Reason? {
    let octets = submissions.reduce(0) { $0 + $1.octets.count }
    return ringing { state in
      if let refusal = refusal(state) { return refusal }
      guard state.count + submissions.count <= bounds.commands else {
        return .overloaded("\(state.count) commands wait; \(bounds.commands) may")
      }
      guard state.octets + octets <= bounds.octets else {
        return .overloaded("\(state.octets) octets of commands wait; \(bounds.octets) may")
      }
      state.count += submissions.count
      state.octets += octets
      state.commands += submissions
      return nil
    }
  }

  /// As many as there is room for, from the first; and why not the others.
  func admitSome(_ submissions: [Submission]) -> (admitted: Int, refusal: RedisFailure.Reason?) {
    var admitted = 0
    let why = ringing { state in
      if let refusal = refusal(state) { return refusal }
      while admitted < submissions.count, state.count < bounds.commands,
        state.octets + submissions[admitted].octets.count <= bounds.octets
      {
        state.count += 1
        state.octets += submissions[admitted].octets.count
        admitted += 1
      }
      state.commands += submissions[..<admitted]
      // The client's thread has to hear of those that were taken.
      return admitted == 0 ? overloaded : nil
    }
    return (admitted, admitted == submissions.count ? nil : why ?? overloaded)
  }

  private var overloaded: RedisFailure.Reason {
    .overloaded("\(bounds.commands) commands, or \(bounds.octets) octets of them, wait")
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

  /// A command was settled.
  func release(octets: Int) {
    state.withLock { state in
      state.count -= 1
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
