public import CalendarTime

/// The life of one question behind the caches: events in, actions out; the caller performs the actions and reports.
///
/// It exists so that invariant 1 can be read and tested in one place: an answer leaves only after the cache, which
/// knows the newest change, has accepted the snapshot that the answer was built from.
public struct QuestionMachine {
  public enum Action {
    /// Read the certificate's status from the store, then report `statusRead`.
    case readStatus
    /// Sign the statement, then report `signed`.
    case sign(AnswerBuilder.Statement, StatusReading)
    /// From here on new askers start a question of their own; then offer the answer to the cache and report
    /// `published`.
    case publish(Answer, asOf: Revision)
    /// From here on new askers start a question of their own; then ask the cache whether the snapshot is current and
    /// report `refusalChecked`.
    case checkRefusal(asOf: Revision)
    case finish(Outcome)
  }

  /// How a question ends.
  public enum Outcome {
    case answer(Answer)
    /// The unsigned `unauthorized`: nothing on record.
    case unauthorized
    /// The cache holds something newer by now: answer from there.
    case readCache
    case tryLater
  }

  /// Changes that come faster than they can be signed end in `tryLater`, not in a loop.
  public static let maximumRounds = 8

  private let policy: IssuerPolicy
  private var rounds = 0
  private var signed: Answer?

  /// - Parameter signed: an answer that was signed already, of which the cache wants to know whether it is still true.
  public init(policy: IssuerPolicy, signed: Answer? = nil) {
    self.policy = policy
    self.signed = signed
  }

  public mutating func start() -> Action {
    .readStatus
  }

  public mutating func statusRead(_ reading: StatusReading, now: UnixTime) -> Action {
    guard let statement = AnswerBuilder.statement(for: reading, policy: policy, now: now) else {
      return .checkRefusal(asOf: reading.asOf)
    }
    // Another certificate has changed, not this one: what was signed is still true.
    if let signed, signed.revision == reading.revision, signed.isForUnissued == statement.isForUnissued {
      return .publish(signed, asOf: reading.asOf)
    }
    return .sign(statement, reading)
  }

  public mutating func signed(_ answer: Answer, asOf: Revision) -> Action {
    signed = answer
    return .publish(answer, asOf: asOf)
  }

  public mutating func published(_ publication: AnswerCache.Publication) -> Action {
    switch publication {
    case .stored, .notKept:
      guard let signed else { return .finish(.tryLater) }
      return .finish(.answer(signed))
    case .superseded: return .finish(.readCache)
    case .readStatusAgain: return again()
    }
  }

  public mutating func refusalChecked(isCurrent: Bool) -> Action {
    isCurrent ? .finish(.unauthorized) : again()
  }

  /// The store or the signer failed: nobody is left hanging.
  public mutating func failed() -> Action {
    .finish(.tryLater)
  }

  private mutating func again() -> Action {
    rounds += 1
    return rounds < QuestionMachine.maximumRounds ? .readStatus : .finish(.tryLater)
  }
}
