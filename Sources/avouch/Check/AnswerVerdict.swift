import CalendarTime
import OCSP
import OpenSSLCrypto

/// Whether an answer may be believed, checked as a relying party does (RFC 6960 3.2, RFC 9919 4).
struct AnswerVerdict {
  /// What was found wrong; empty for an answer that may be believed.
  var problems: [String] = []
  var single: SingleResponse?
  /// The certificate whose key signed; nil where none fits.
  var signer: Certificate?
  var isDelegated = false
  var nonce = NonceVerdict.notAsked

  enum NonceVerdict {
    case notAsked
    case echoed
    case missing
    case different
  }

  /// - Parameters:
  ///   - nonce: the extnValue content that was sent; nil for none.
  ///   - now: the relying party's clock; `tolerance` seconds of difference are forgiven.
  init(
    _ basic: ReceivedResponse.Basic, question: CertID, nonce sent: [UInt8]?, issuer: Certificate, now: UnixTime,
    tolerance: Int64 = 300
  ) {
    findSigner(basic, issuer: issuer, now: now)
    findSingle(basic, question: question, now: now, tolerance: tolerance)
    guard let sent else { return }
    switch basic.nonce {
    case .none: nonce = .missing
    case .some(sent): nonce = .echoed
    case .some:
      nonce = .different
      problems.append("the nonce in the answer is not the one that was sent: it may be a replay")
    }
  }

  /// What is wrong with who signed an answer and how; nothing is said about what it answers.
  static func signerProblems(_ basic: ReceivedResponse.Basic, issuer: Certificate, now: UnixTime) -> [String] {
    var verdict = AnswerVerdict()
    verdict.findSigner(basic, issuer: issuer, now: now)
    return verdict.problems
  }

  private init() {}

  private mutating func findSigner(_ basic: ReceivedResponse.Basic, issuer: Certificate, now: UnixTime) {
    var candidates: [Certificate] = []
    for (index, der) in basic.certificates.enumerated() {
      if let certificate = try? Certificate(der: der, name: "certificate \(index)") { candidates.append(certificate) }
    }
    candidates.append(issuer)
    guard let signer = candidates.first(where: { AnswerVerdict.fits(basic.responderID, $0) }) else {
      problems.append("the responder ID names neither the issuer nor a certificate in the answer")
      return
    }
    self.signer = signer
    isDelegated = signer.der != issuer.der
    if isDelegated {
      if !signer.isIssued(by: issuer) { problems.append("the signer's certificate was not issued by this CA") }
      if !signer.hasOCSPSigningUsage { problems.append("the signer's certificate has no OCSPSigning usage") }
      if let hash = signer.brokenSignatureHash {
        problems.append("the signer's certificate is signed with \(hash), which proves nothing any more")
      }
      lookAt(issuer, "the CA's certificate", now: now)
    }
    lookAt(signer, isDelegated ? "the signer's certificate" : "the CA's certificate", now: now)
    let isSigned = SignatureVerifier.isValid(
      basic.signature, over: basic.tbsResponseData, algorithm: basic.signatureAlgorithm, by: signer)
    if !isSigned { problems.append("the signature is wrong") }
  }

  /// What keeps any certificate of the chain from being believed (RFC 5280 6.1.3, 4.2).
  private mutating func lookAt(_ certificate: Certificate, _ what: String, now: UnixTime) {
    if now < certificate.notBefore || now > certificate.notAfter {
      problems.append(
        "\(what) is valid from \(certificate.notBefore.iso8601) to \(certificate.notAfter.iso8601) only")
    }
    for identifier in certificate.unknownCriticalExtensions {
      problems.append("\(what) has the unknown critical extension \(identifier)")
    }
  }

  private static func fits(_ responderID: ResponderID, _ certificate: Certificate) -> Bool {
    switch responderID {
    case .byName(let name): name == certificate.subjectName
    case .byKey(let hash): hash == OpenSSLHasher().digest(certificate.publicKeyBits, .sha1)
    }
  }

  private mutating func findSingle(
    _ basic: ReceivedResponse.Basic, question: CertID, now: UnixTime, tolerance: Int64
  ) {
    single = basic.responses.first { (try? $0.certID()) == question }
    guard let single else {
      problems.append("the answer speaks of another certificate, or with another hash than it was asked with")
      return
    }
    if single.thisUpdate > now.advanced(bySeconds: tolerance) {
      problems.append("thisUpdate lies in the future: \(single.thisUpdate.iso8601)")
    }
    guard let nextUpdate = single.nextUpdate else {
      problems.append("nextUpdate is missing (RFC 9919 3.2.4)")
      return
    }
    if nextUpdate < now.advanced(bySeconds: -tolerance) {
      problems.append("the answer has expired: nextUpdate was \(nextUpdate.iso8601)")
    }
    if nextUpdate < single.thisUpdate { problems.append("nextUpdate is before thisUpdate") }
  }
}
