import OCSP
import Responder
import Synchronization

/// How far an origin is with putting all of one issuer's answers into the level that nodes share. Used by one thread, but for
/// what is told to `Promise`.
struct IssuerSharing {
  /// So long the promise lasts that everything is there: an origin that is gone vouches for nothing any more.
  static let promiseSeconds: Int64 = 60
  private static let renewalNanoseconds: Int64 = 10_000_000_000
  private static let restNanoseconds: Int64 = 1_000_000_000

  enum Step {
    case nothing
    /// Hand the next answers over.
    case walk
    case promise(isRenewal: Bool)
    case takeBack
  }

  private enum Phase {
    case walking
    /// All are handed over, and on their way.
    case sending
    case promising
  }

  private var phase = Phase.walking
  /// Whether the promise has to be taken back before anything else. So it is at first: an origin before this one may have
  /// given one, and what has changed since is not there yet.
  private var isInDoubt = true
  /// Those whose answers are handed over.
  private var hashes: [HashAlgorithm]?
  private var nextStep = Int64.min
  var walk: (any AnswerWalk)?
  private(set) var ticket = WalkTicket()
  let promise = Promise()

  /// Whether everything is there, as far as is known.
  var isComplete: Bool {
    if case .promising = phase { promise.state == .kept } else { false }
  }

  /// Notices what a reload says otherwise, and what is missing since something was promised.
  ///
  /// - Parameter isSent: whether what is new is in the shared level within moments.
  mutating func look(at issuer: Issuer, isSent: Bool) {
    let present = issuer.policy.presignedAlgorithms
    if let hashes, hashes != present { beginAgain(isInDoubt: true) }
    hashes = present
    if !isInDoubt, promise.state != .none, !isSent || !issuer.progress.isEverythingSigned(for: issuer) {
      isInDoubt = true
      nextStep = .min
    }
  }

  /// What to do next.
  mutating func step(now: Int64) -> Step {
    guard now >= nextStep, promise.state != .asked else { return .nothing }
    if isInDoubt {
      guard promise.state != .none else {
        isInDoubt = false
        return step(now: now)
      }
      return .takeBack
    }
    switch phase {
    case .walking: return .walk
    case .sending:
      guard ticket.isSettled else { return .nothing }
      phase = .promising
      return .promise(isRenewal: false)
    case .promising:
      switch promise.state {
      case .forgotten:
        beginAgain(isInDoubt: false)
        return .walk
      case .none, .unheard: return .promise(isRenewal: false)
      case .kept, .unknown: return .promise(isRenewal: true)
      case .asked: return .nothing
      }
    }
  }

  /// Everything has to be handed over once more.
  ///
  /// - Parameter isInDoubt: whether something that was there may be gone: until all of it is there again nobody vouches for
  ///   anything.
  mutating func beginAgain(isInDoubt: Bool) {
    phase = .walking
    walk = nil
    ticket = WalkTicket()
    self.isInDoubt = self.isInDoubt || isInDoubt
    nextStep = .min
  }

  mutating func hasWalked() {
    walk = nil
    phase = .sending
  }

  mutating func promised(now: Int64) {
    promise.set(.asked)
    nextStep = now + IssuerSharing.renewalNanoseconds
  }

  mutating func tookBack(now: Int64) {
    promise.set(.asked)
    nextStep = now
  }

  /// Something is not there: looked at again in a while.
  mutating func rest(now: Int64, isLacking: Bool) {
    nextStep = now + IssuerSharing.restNanoseconds
    if isLacking, promise.state != .none { isInDoubt = true }
  }
}

/// What became of the promise that everything of an issuer is there. Any thread may tell.
final class Promise: Sendable {
  enum State: Sendable {
    /// Not given, or taken back.
    case none
    /// On its way, or being taken back.
    case asked
    case kept
    /// It was given once, and nobody knows whether it still stands.
    case unknown
    /// Nobody knows whether it was given at all.
    case unheard
    /// The shared level has lost it, and what else is not known.
    case forgotten
  }

  private let value = Mutex(State.unheard)

  var state: State { value.withLock { $0 } }

  func set(_ state: State) { value.withLock { $0 = state } }
}

/// How much of what one walk has handed over is on its way. Any thread.
final class WalkTicket: Sendable {
  private let underWay = Atomic<Int>(0)

  var isSettled: Bool { underWay.load(ordering: .acquiring) == 0 }
  func begin() { underWay.add(1, ordering: .acquiringAndReleasing) }
  func end() { underWay.subtract(1, ordering: .acquiringAndReleasing) }
}
