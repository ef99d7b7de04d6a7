import CalendarTime
import OCSP
import Responder

/// All of an answer but its signature.
struct AnswerDraft {
  var plan: AnswerBuilder.Plan
  var tbsResponseData: [UInt8]
}

/// Makes the octets of one thread's answers, before they are signed and after, and remembers for the next ones what the last
/// ones had in common.
struct AnswerMaker {
  private let hasher: any ResponseHasher
  /// Where renewals fall need not be secret, and the system's generator costs a system call for each answer.
  private var random: SplitMix
  private var template = ResponseDataTemplate()
  private var frames = ResponseFrames()

  init(hasher: any ResponseHasher, seed: UInt64) {
    self.hasher = hasher
    random = SplitMix(seed: seed)
  }

  /// To be called where another directory is in force: what an issuer's answers look like may be another thing from here on.
  mutating func forget() {
    template = ResponseDataTemplate()
    frames = ResponseFrames()
  }

  /// From 0 to 1, as `AnswerBuilder.times` takes it.
  mutating func jitter() -> Double { Double.random(in: 0...1, using: &random) }

  /// Nil where the issuer is retired.
  mutating func draft(
    _ key: ResponseKey, _ statement: AnswerBuilder.Statement, revision: Revision, times: AnswerTimes, _ issuer: Issuer,
    _ directory: IssuerDirectory
  ) -> AnswerDraft? {
    let octets = template.tbsResponseData(
      statement, key: key, times: times, issuer: issuer, credential: directory.credential(of: issuer).credential)
    guard let octets else { return nil }
    let plan = AnswerBuilder.Plan(
      key: key, revision: revision, times: times, isForUnissued: statement.isForUnissued,
      credential: issuer.credentialIndex)
    return AnswerDraft(plan: plan, tbsResponseData: octets)
  }

  mutating func answer(_ draft: AnswerDraft, signature: [UInt8], _ directory: IssuerDirectory) -> Answer {
    frames.answer(
      draft.plan, tbsResponseData: draft.tbsResponseData, signature: signature,
      entry: directory.credentials[draft.plan.credential], hasher: hasher)
  }
}
