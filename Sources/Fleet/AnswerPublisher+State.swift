public import OCSP
public import Responder
import Synchronization

/// How far it has come.
extension AnswerPublisher {
  /// Whether other nodes have been told of all changes of a certificate, or will not be for now.
  public func isTold(_ serial: SerialNumber, of issuer: IssuerIndex) -> Bool {
    let now = clock.monotonicNanoseconds()
    let directory = source()
    // Of an issuer that has come meanwhile nobody has an answer yet.
    guard Int(issuer.value) < directory.issuers.issuers.count else { return true }
    let owner = directory.issuers[issuer]
    return state.withLock { state in
      owner.policy.presignedAlgorithms.allSatisfy { algorithm in
        let key = ResponseKey(issuer: issuer, hashAlgorithm: algorithm, serial: serial)
        return state.untold.isTold(owner.sharedKey(key), now: now)
      }
    }
  }

  /// How many more answers there is room for, of those that can come again.
  public var room: Int { state.withLock { max(0, min(limits.queueLimit / 2, limits.walkedAhead) - $0.queue.count) } }

  /// Issuers of which something was left out since this was last asked: all of theirs has to be handed over again.
  public func takeIncomplete() -> Set<IssuerIndex> { state.withLock { $0.queue.takeIncomplete() } }

  /// Whether everything that was handed over has arrived.
  public var isSettled: Bool {
    state.withLock { $0.queue.count == 0 && $0.queue.underWayCount == 0 && $0.news.count == 0 }
  }

  /// For how long the first change waits to be sent, and the first answer of all, in nanoseconds; 0 where none does.
  public var delay: (changes: Int64, answers: Int64) {
    let now = clock.monotonicNanoseconds()
    let since = state.withLock { $0.queue.waitingSince() }
    return (since.change.map { now - $0 } ?? 0, since.any.map { now - $0 } ?? 0)
  }

  /// Answers and news that wait, or are under way.
  public var backlog: (answers: Int, news: Int) {
    state.withLock { ($0.queue.count + $0.queue.underWayCount, $0.news.count) }
  }

  /// Why nothing arrives; nil while it does.
  public var failure: String? { state.withLock { $0.failure } }
}
