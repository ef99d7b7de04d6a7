import CalendarTime
import OCSP
import Responder

extension ResponderRuntime {
  /// The answer that a stored signature belongs to, built again from the certificate's record.
  ///
  /// Nil where the digest disagrees, because the policy has changed what is said; where the answer has ended, outlives
  /// what the policy allows by now, or was made by a clock that was ahead; and where nobody knows any more in whose name
  /// it was signed. It has to be signed anew then.
  func rebuild(
    _ stored: StoredResponse, statement: AnswerBuilder.Statement, key: ResponseKey, _ directory: IssuerDirectory
  ) -> Answer? {
    let issuer = directory.issuers[key.issuer]
    guard let index = directory.credentials.index(of: stored.credential),
      let certID = issuer.encodedCertID(key.serial, key.hashAlgorithm)
    else { return nil }
    let entry = directory.credentials[index]
    let (times, policy) = (stored.times, issuer.policy)
    guard times.isValid(at: clock.now()), entry.credential.notBefore <= times.producedAt,
      policy.isForever || times.nextUpdate <= entry.credential.notAfter,
      policy.isForever || times.nextUpdate.seconds(since: times.producedAt) < policy.validitySeconds
    else { return nil }
    let tbs = AnswerBuilder.tbsResponseData(
      statement, certID: certID, times: times, issuer: issuer, credential: entry.credential)
    let plan = AnswerBuilder.Plan(
      key: key, revision: stored.revision, times: times, isForUnissued: false, credential: index)
    let answer = AnswerBuilder.answer(
      plan, tbsResponseData: tbs, signature: stored.signature, entry: entry, hasher: hasher)
    return answer.digest.prefixWord == stored.digestPrefix ? answer : nil
  }
}
