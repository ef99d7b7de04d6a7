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
    let times = stored.times
    let (notBefore, notAfter) = (entry.credential.notBefore, entry.credential.notAfter)
    guard issuer.policy.admits(times, notBefore: notBefore, notAfter: notAfter, now: clock.now()) else { return nil }
    let tbs = AnswerBuilder.tbsResponseData(
      statement, certID: certID, times: times, issuer: issuer, credential: entry.credential)
    let plan = AnswerBuilder.Plan(
      key: key, revision: stored.revision, times: times, isForUnissued: false, credential: index)
    let answer = AnswerBuilder.answer(
      plan, tbsResponseData: tbs, signature: stored.signature, entry: entry, hasher: hasher)
    return answer.digest.prefixWord == stored.digestPrefix ? answer : nil
  }
}

extension IssuerPolicy {
  /// Whether an answer of these times may be given out: it has not ended, outlives neither its signer (whose certificate is
  /// valid between those times) nor what the policy allows by now, and was not made by a clock that was ahead.
  func admits(_ times: AnswerTimes, notBefore: UnixTime, notAfter: UnixTime, now: UnixTime) -> Bool {
    guard times.isValid(at: now), notBefore <= times.producedAt else { return false }
    if isForever { return true }
    return times.nextUpdate <= notAfter && times.nextUpdate.seconds(since: times.producedAt) < validitySeconds
  }
}
