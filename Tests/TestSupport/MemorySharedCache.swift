public import CalendarTime
public import OCSP
public import Responder
import Synchronization

/// A shared level in memory, for several nodes in one process: what is asked is done when `turn` says so, in any order, or
/// at once.
public final class MemorySharedCache: SharedCache {
  private struct State {
    var values: [SharedKey: [UInt8]] = [:]
    var complete: [SharedIssuerName: (until: UnixTime, hashes: [HashAlgorithm])] = [:]
    var stream: [[UInt8]] = []
    var wantReceivers: [any WantReceiver] = []
    var receivers: [(receiver: any UpdateReceiver, next: Int)] = []
    var waiting: [@Sendable (inout State) -> (@Sendable () -> Void)] = []
    var isStepped = false
    var failure: SharedCacheError?
  }

  private let state = Mutex(State())

  public init() {}

  // MARK: - What tests do with it

  /// From now on nothing is done before `turn`.
  public func stepByStep() { state.withLock { $0.isStepped = true } }

  public var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// Does one of the things that wait. False where none does.
  public func turn(_ choose: (Int) -> Int = { _ in 0 }) -> Bool {
    let finish = state.withLock { state -> (@Sendable () -> Void)? in
      guard !state.waiting.isEmpty else { return nil }
      return state.waiting.remove(at: choose(state.waiting.count))(&state)
    }
    finish?()
    return finish != nil
  }

  /// Tells one node of one entry that it has not heard. False where it has heard all.
  public func tellNext(_ number: Int) -> Bool {
    let news = state.withLock { state -> (any UpdateReceiver, [UInt8])? in
      guard number < state.receivers.count else { return nil }
      let next = state.receivers[number].next
      guard next < state.stream.count else { return nil }
      state.receivers[number].next += 1
      return (state.receivers[number].receiver, state.stream[next])
    }
    guard let (receiver, octets) = news else { return false }
    receiver.receive([octets])
    return true
  }

  /// Every call fails with it; nil mends that.
  public func fail(with error: SharedCacheError?) { state.withLock { $0.failure = error } }

  public func value(_ key: SharedKey) -> [UInt8]? { state.withLock { $0.values[key] } }
  public func setValue(_ octets: [UInt8]?, _ key: SharedKey) { state.withLock { $0.values[key] = octets } }
  public var streamCount: Int { state.withLock { $0.stream.count } }

  /// As after FLUSHALL: the receivers go on with what comes.
  public func flush() {
    state.withLock { state in
      (state.values, state.complete, state.stream) = ([:], [:], [])
      for number in state.receivers.indices { state.receivers[number].next = 0 }
    }
  }

  /// The stream forgets what some have not heard.
  public func loseNext(_ number: Int) { state.withLock { $0.receivers[number].next += 1 } }

  // MARK: - The protocol

  private func perform<Value: Sendable>(
    _ completion: @escaping @Sendable (Result<Value, SharedCacheError>) -> Void,
    _ body: @escaping @Sendable (inout State) -> Value
  ) {
    let job: @Sendable (inout State) -> (@Sendable () -> Void) = { state in
      let result: Result<Value, SharedCacheError> =
        if let failure = state.failure { .failure(failure) } else { .success(body(&state)) }
      return { completion(result) }
    }
    let finish = state.withLock { state -> (@Sendable () -> Void)? in
      guard !state.isStepped else {
        state.waiting.append(job)
        return nil
      }
      return job(&state)
    }
    finish?()
  }

  public func fetch(_ key: SharedKey, completion: @escaping @Sendable (Result<SharedLookup, SharedCacheError>) -> Void)
  {
    perform(completion) { state in
      if let octets = state.values[key] { return .held(octets) }
      let promise = state.complete[key.issuer]
      return .absent(completeUntil: promise.flatMap { $0.hashes.contains(key.hashAlgorithm) ? $0.until : nil })
    }
  }

  public func store(
    _ writes: [SharedFrame],
    completion: @escaping @Sendable (Int, Result<SharedWrite.Outcome, SharedCacheError>) -> Void
  ) {
    for (place, write) in writes.enumerated() {
      let completed: @Sendable (Result<SharedWrite.Outcome, SharedCacheError>) -> Void = { completion(place, $0) }
      perform(completed) { state in
        let held = state.values[write.key]
        let outcome = SharedWrite.outcome(of: write.octets, over: held, onlyOver: write.onlyOver)
        if outcome == .written || outcome == .replaced { state.values[write.key] = write.octets }
        return outcome
      }
    }
  }

  public func discard(_ octets: [UInt8], under key: SharedKey) {
    let nobody: @Sendable (Result<Void, SharedCacheError>) -> Void = { _ in }
    perform(nobody) { state in
      if state.values[key] == octets { state.values[key] = SharedAnswer.damaged }
    }
  }

  public func setComplete(
    _ issuer: SharedIssuerName, until: UnixTime?, hashes: [HashAlgorithm], isRenewal: Bool,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    perform(completion) { state in
      if isRenewal, until != nil, state.complete[issuer] == nil { return false }
      state.complete[issuer] = until.map { ($0, hashes) }
      return true
    }
  }

  public func want(_ key: SharedKey) {
    let receivers: [any WantReceiver] = state.withLock { $0.failure == nil ? $0.wantReceivers : [] }
    for receiver in receivers { receiver.isWanted([key]) }
  }

  public func followWants(_ receiver: any WantReceiver) {
    state.withLock { $0.wantReceivers.append(receiver) }
  }

  public func announce(_ entry: [UInt8], completion: @escaping @Sendable (Result<Void, SharedCacheError>) -> Void) {
    perform(completion) { state in state.stream.append(entry) }
  }

  public func newestAnnouncement(completion: @escaping @Sendable (Result<[UInt8]?, SharedCacheError>) -> Void) {
    perform(completion) { state in state.stream.last }
  }

  public func follow(_ receiver: any UpdateReceiver) {
    let newest = state.withLock { state in
      state.receivers.append((receiver, state.stream.count))
      return state.stream.last
    }
    receiver.begins(after: newest)
    receiver.isHeard(true, why: nil)
  }
}
