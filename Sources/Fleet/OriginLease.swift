import CalendarTime
public import Responder
import Synchronization

/// Holds the lease of the one origin for this node, or knows who does.
///
/// `turn` belongs to one thread, which calls it several times a second and before anything is shared: a lease that could not
/// be renewed is over by this node's own clock before another may have it.
public final class OriginLease: Sendable {
  public enum Status: Sendable, Hashable {
    /// Nothing is known yet, or nobody could be asked: why.
    case seeking(why: String?)
    case leading(FencingToken)
    /// In words for an operator.
    case refused(String)
  }

  private struct State {
    var status = Status.seeking(why: nil)
    /// Until when the lease lasts at least, and when the next step is due: monotonic nanoseconds.
    var leaseEnd = Int64.min
    var nextStep = Int64.min
    var isAsking = false
    var lastToken = FencingToken(0)
    /// How far the store was when this node first asked.
    var firstRevision: Revision?
    /// Since when it has been refused without a break: monotonic nanoseconds.
    var refusedSince: Int64?
    /// Whether it never led, and was refused for so long that the other one is no remnant: its store is another's, or a copy.
    var isBarred = false

    var hasLed: Bool { lastToken.value > 0 }
  }

  private let registry: any OriginRegistry
  private let claim: @Sendable () -> OriginClaim
  private let clock: any Clock
  private let leaseMilliseconds: Int64
  private let takesOver: Bool
  private let state = Mutex(State())

  /// - Parameters:
  ///   - claim: who this node is, and how far its store has come by now.
  ///   - takesOver: whether an operator has said that this store replaces the one before.
  public init(
    registry: any OriginRegistry, leaseMilliseconds: Int64, takesOver: Bool, clock: any Clock,
    claim: @escaping @Sendable () -> OriginClaim
  ) {
    self.registry = registry
    self.leaseMilliseconds = leaseMilliseconds
    self.takesOver = takesOver
    self.clock = clock
    self.claim = claim
  }

  public var status: Status { state.withLock { $0.status } }

  /// The token under which this node leads at this moment; nil where it does not, or may not any more.
  public var token: FencingToken? {
    let now = clock.monotonicNanoseconds()
    return state.withLock { state in
      guard case .leading(let token) = state.status, now < state.leaseEnd else { return nil }
      return token
    }
  }

  /// Asks for the lease, renews it, or notices that it is over.
  public func turn() {
    let now = clock.monotonicNanoseconds()
    let step = state.withLock { state -> Status? in
      if case .leading = state.status, now >= state.leaseEnd {
        state.status = .seeking(why: "the lease ran out before it could be renewed")
        state.nextStep = now
      }
      guard !state.isAsking, !state.isBarred, now >= state.nextStep else { return nil }
      state.isAsking = true
      return state.status
    }
    switch step {
    case nil: return
    case .leading(let token)?: renew(token, began: now)
    case .seeking?, .refused?: seek(began: now)
    }
  }

  /// Gives the lease up at the end of the process.
  ///
  /// - Parameter completion: called once it is given up, or cannot be.
  public func release(completion: @escaping @Sendable () -> Void = {}) {
    guard let token else { return completion() }
    state.withLock { $0.status = .seeking(why: "this node is stopping") }
    registry.release(token, revision: claim().revision) { _ in completion() }
  }

  private func seek(began: Int64) {
    // A shared level that has forgotten everything must not give out a token that others have seen: by the clock, in
    // milliseconds, it grows over restarts of this process too.
    var claim = claim()
    let (last, revision) = state.withLock { state in
      state.firstRevision = state.firstRevision ?? claim.revision
      // What was recorded here while another node was the origin does not make up for what that one was told.
      return (state.lastToken.value, state.hasLed ? claim.revision : state.firstRevision ?? claim.revision)
    }
    claim.revision = revision
    claim.tokenFloor = FencingToken(max(last + 1, UInt64(max(0, clock.now().seconds)) * 1000))
    let asked = claim
    registry.claim(asked, milliseconds: leaseMilliseconds, takesOver: takesOver, now: clock.now()) { [self] result in
      state.withLock { state in
        state.isAsking = false
        // Looked at again in a while: the other one may end.
        state.nextStep = began + leaseMilliseconds * 1_000_000 / 3
        switch result {
        case .failure(let error): state.status = .seeking(why: error.description)
        case .success(.leads(let token)):
          state.status = .leading(token)
          state.lastToken = token
          state.refusedSince = nil
          // From when it was asked for: how long the answer took is not known to have come after the lease began.
          state.leaseEnd = began + leaseMilliseconds * 1_000_000 * 9 / 10
        case .success(let refusal): refuse(&state, refusal, asked, began)
        }
      }
    }
  }

  private func refuse(_ state: inout State, _ refusal: OriginVerdict, _ claim: OriginClaim, _ now: Int64) {
    let since = state.refusedSince ?? now
    state.refusedSince = since
    var text = OriginLease.text(refusal, claim)
    // A lease that somebody was killed with ends by itself; one that lasts for longer is renewed by somebody who lives.
    let isTaken = if case .taken = refusal { true } else { false }
    if !state.hasLed, !isTaken || now - since > 2 * leaseMilliseconds * 1_000_000 {
      state.isBarred = true
      text += ". It is not tried again before this node is started anew"
    }
    state.status = .refused(text)
  }

  private func renew(_ token: FencingToken, began: Int64) {
    registry.renew(token, revision: claim().revision, milliseconds: leaseMilliseconds) { [self] result in
      state.withLock { state in
        state.isAsking = false
        guard state.status == .leading(token) else { return }
        switch result {
        case .success(true):
          state.leaseEnd = began + leaseMilliseconds * 1_000_000 * 9 / 10
          state.nextStep = began + leaseMilliseconds * 1_000_000 / 3
        case .success(false):
          state.status = .seeking(why: "another origin has taken the lease")
          state.nextStep = began
        // Asked again soon: the lease lasts a while yet.
        case .failure: state.nextStep = began + leaseMilliseconds * 1_000_000 / 10
        }
      }
    }
  }

  private static func text(_ verdict: OriginVerdict, _ claim: OriginClaim) -> String {
    switch verdict {
    case .leads: "this node is the origin"
    case .taken(let name, let since):
      "\(name) is the origin since \(since.iso8601): this node signs nothing for the fleet"
    case .otherStore(let name, let since):
      "what the fleet serves comes from another store, that of \(name) since \(since.iso8601): a second origin would serve "
        + "what it knows instead. To replace it for good, start once with redis.takeOver"
    case .behind(let revision):
      "this store is at revision \(claim.revision.value), and the fleet has been told of revision \(revision.value): it was "
        + "restored from an older copy, perhaps. Bring it up to date, or start once with redis.takeOver"
    }
  }
}
