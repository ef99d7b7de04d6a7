import OCSP
import Responder

extension ResponderRuntime {
  /// The answer that a stored signature belongs to, built again from the certificate's record.
  ///
  /// Nil where the digest disagrees: the policy, the signer or its certificate has changed since, and the answer has
  /// to be signed anew. Also nil for one that has ended.
  func rebuild(_ stored: StoredResponse, statement: AnswerBuilder.Statement, key: ResponseKey) -> Answer? {
    let issuer = issuers[key.issuer]
    // A policy that is stricter by now, or another signer certificate, must not be outlived by old answers.
    guard stored.times.nextUpdate <= issuer.signerNotAfter || issuer.policy.isForever,
      issuer.signerNotBefore <= stored.times.producedAt, clock.now() < stored.times.nextUpdate,
      let certID = issuer.certID(key.serial, key.hashAlgorithm)
    else { return nil }
    let tbs = AnswerBuilder.tbsResponseData(statement, certID: certID, times: stored.times, issuer: issuer)
    let answer = AnswerBuilder.answer(
      key: key, revision: stored.revision, times: stored.times, isForUnissued: false, tbsResponseData: tbs,
      signature: stored.signature, issuer: issuer, suffix: certificatesSuffix(key.issuer), hasher: hasher)
    return answer.digest.prefixWord == stored.digestPrefix ? answer : nil
  }
}
