public import CalendarTime
public import Responder
import Synchronization

/// A lease in memory, by a clock that is set by hand.
public final class MemoryOriginRegistry: OriginRegistry {
  private struct State {
    var token: UInt64 = 0
    var holder: (claim: OriginClaim, since: UnixTime, end: UnixTime)?
    /// Of the last one that led: kept when the lease is over.
    var last: (claim: OriginClaim, since: UnixTime)?
    var failure: SharedCacheError?
  }

  private let clock: any Clock
  private let state = Mutex(State())

  public init(clock: any Clock) {
    self.clock = clock
  }

  public func fail(with error: SharedCacheError?) { state.withLock { $0.failure = error } }

  /// As after FLUSHALL.
  public func forget() {
    state.withLock { state in
      let failure = state.failure
      state = State()
      state.failure = failure
    }
  }

  private func answer<Value>(
    _ completion: @Sendable (Result<Value, SharedCacheError>) -> Void, _ body: (inout State) -> Value
  ) {
    let result: Result<Value, SharedCacheError> = state.withLock { state in
      if let failure = state.failure { return .failure(failure) }
      if let holder = state.holder, clock.now() >= holder.end { state.holder = nil }
      return .success(body(&state))
    }
    completion(result)
  }

  public func claim(
    _ claim: OriginClaim, milliseconds: Int64, takesOver: Bool, now: UnixTime,
    completion: @escaping @Sendable (Result<OriginVerdict, SharedCacheError>) -> Void
  ) {
    answer(completion) { state in
      if let holder = state.holder, claim.process.isEmpty || holder.claim.process != claim.process {
        return .taken(by: holder.claim.name, since: holder.since)
      }
      if let last = state.last, !takesOver {
        if last.claim.storeIdentity != claim.storeIdentity {
          return .otherStore(of: last.claim.name, since: last.since)
        }
        if last.claim.revision > claim.revision { return .behind(last.claim.revision) }
      }
      state.token = max(state.token + 1, claim.tokenFloor.value)
      state.holder = (claim, now, clock.now().advanced(bySeconds: milliseconds / 1000))
      state.last = (claim, now)
      return .leads(FencingToken(state.token))
    }
  }

  public func renew(
    _ token: FencingToken, revision: Revision, milliseconds: Int64,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    answer(completion) { state in
      guard state.token == token.value, state.holder != nil else { return false }
      state.holder?.end = clock.now().advanced(bySeconds: milliseconds / 1000)
      state.last?.claim.revision = revision
      return true
    }
  }

  public func release(
    _ token: FencingToken, revision: Revision,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    answer(completion) { state in
      guard state.token == token.value, state.holder != nil else { return false }
      state.holder = nil
      state.last?.claim.revision = revision
      return true
    }
  }
}
