import CalendarTime
import Metrics
import Responder
import Synchronization

extension ResponderRuntime {
  /// Offers an answer to memory, and tells of it who shares it.
  func publish(
    _ answer: Answer, asOf: Revision, now: UnixTime, recent: RecentTemplates? = nil
  ) -> AnswerCache.Publication {
    let publication = cache.publish(answer, asOf: asOf, now: now, recent: recent)
    switch publication {
    case .stored, .notKept: receiver?.published(answer)
    case .readStatusAgain, .superseded: break
    }
    return publication
  }

  /// Tells who shares answers of a change that was applied to memory.
  func share(_ change: ChangedCertificate, of issuer: Issuer) {
    guard let receiver, !issuer.isRetired else { return }
    receiver.changed(issuer.index, change)
    // Signed before the change was looked at: nobody will sign it again.
    for algorithm in issuer.policy.presignedAlgorithms {
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: change.record.serial)
      guard let held = cache.peek(key), held.revision >= change.revision,
        let answer = cache.answer(key, now: clock.now())
      else { continue }
      receiver.published(answer)
    }
  }

  // MARK: - Another node is the origin

  /// From here on nothing is signed and nothing is answered, until `resume`: another node knows what is true.
  ///
  /// - Parameter reason: for an operator.
  public func suspend(_ reason: String) {
    let isNew = suspension.withLock { suspension in
      defer { suspension = reason }
      return suspension == nil
    }
    guard isNew else { return }
    isSuspended = true
    queue.halt(true)
    cache.close()
    for receiver in pending.withLock({ $0.takeOverdue(now: .max) }) {
      counters.unsignable.add(1)
      receiver.receive(.tryLater)
    }
  }

  /// Ends `suspend`: what is in the store is loaded, and signed where it is missing.
  public func resume() {
    let wasSuspended = suspension.withLock { suspension in
      defer { suspension = nil }
      return suspension != nil
    }
    guard wasSuspended else { return }
    isSuspended = false
    cache.open()
    queue.halt(false)
    for issuer in directory.issuers.issuers where !issuer.isRetired { issuer.progress.answersAreMissing() }
  }

  /// Why nothing is answered; nil while it is.
  public var suspensionReason: String? { suspension.withLock { $0 } }
}
