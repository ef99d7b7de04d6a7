/// What stands behind the HTTP side: the answers in memory, and somebody who finds the others.
///
/// An origin signs them, an edge fetches them from the level that nodes share. Any thread may call.
public protocol AnswerSource: AnyObject, Sendable {
  var cache: AnswerCache { get }
  /// What is in force. It is replaced as a whole: who needs several things of it takes it once.
  var directory: IssuerDirectory { get }
  /// Grows with every new directory: who keeps one looks whether it is still in force.
  var directoryGeneration: UInt64 { get }
  /// After how many seconds somebody who was told `tryLater` may come again.
  var retryAfterSeconds: Int { get }
  /// Whether the serial may have been issued: false is certain (invariant 8).
  func mayBeIssued(_ key: ResponseKey, by issuer: Issuer) -> Bool
  /// Asks for an answer that is not in memory. The receiver is told once, from another thread or at once; never twice,
  /// never not at all.
  func ask(_ question: Question, receiver: any OutcomeReceiver)
}

/// Who is told how a question ended. Called once, by any thread, the asking one included; must not block.
public protocol OutcomeReceiver: Sendable {
  /// Whether nobody needs the outcome any more: then nothing is signed for it. Any thread may ask.
  var isGone: Bool { get }
  func receive(_ outcome: QuestionOutcome)
}

/// How a question ended, as its asker sees it.
public enum QuestionOutcome: Sendable {
  case answer(Answer)
  /// A response made for one request alone, with its times.
  case live(octets: [UInt8], times: AnswerTimes)
  case unauthorized
  case tryLater
}
