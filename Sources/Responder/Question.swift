public import OCSP

/// What a well-formed request asks of this responder.
public enum Question: Sendable {
  /// One certificate, no nonce: the pre-built answer.
  case cached(ResponseKey)
  /// Must be signed for this request alone.
  case live(LiveQuestion)
  /// The unsigned `unauthorized`: no issuer of ours, or issuers that cannot share a signature.
  case unauthorized
}

/// A question whose answer nobody else can use: it has a nonce, or asks of several certificates at once.
public struct LiveQuestion: Sendable {
  public struct Entry: Sendable {
    /// As the client wrote it; echoed octet for octet (standards, quirk 5).
    public var encodedCertID: [UInt8]
    /// Nil for a certificate of an issuer that is not ours: answered `unknown` beside the others.
    public var key: ResponseKey?
  }

  public var issuer: IssuerIndex
  public var entries: [Entry]
  /// The nonce extension's extnValue content, to be echoed; nil for none.
  public var nonce: [UInt8]?
}

extension IssuerTable {
  /// - Parameter der: the request's octets, which `request` has ranges into.
  public func question(_ request: OCSPRequest, der: Span<UInt8>) -> Question {
    if request.questionCount == 1, request.nonce == nil { return simpleQuestion(request.first) }
    return longQuestion(request, der: der)
  }

  private func simpleQuestion(_ question: OCSPRequest.Question) -> Question {
    guard let certID = question.certID, let issuer = index(of: certID) else { return .unauthorized }
    return .cached(ResponseKey(issuer: issuer, hashAlgorithm: certID.hashAlgorithm, serial: certID.serial))
  }

  private func longQuestion(_ request: OCSPRequest, der: Span<UInt8>) -> Question {
    var entries: [LiveQuestion.Entry] = []
    var issuer: IssuerIndex?
    for question in [request.first] + request.others {
      let found = question.certID.flatMap { index(of: $0) }
      if let found {
        // One signature speaks for one issuer (RFC 6960 2.2): certificates of two CAs need two requests.
        guard issuer == nil || issuer == found else { return .unauthorized }
        issuer = found
      }
      var key: ResponseKey?
      if let found, let certID = question.certID {
        key = ResponseKey(issuer: found, hashAlgorithm: certID.hashAlgorithm, serial: certID.serial)
      }
      entries.append(LiveQuestion.Entry(encodedCertID: der.octets(question.encodedCertID), key: key))
    }
    guard let issuer else { return .unauthorized }
    // A last answer, without end, is one for all (ETSI EN 319 411-2 CSS-6.3.10-11).
    let echoesNonce = self[issuer].policy.echoesNonce && !self[issuer].policy.isForever
    if !echoesNonce, entries.count == 1, let key = entries[0].key { return .cached(key) }
    let nonce = echoesNonce ? request.nonce.map { der.octets($0) } : nil
    return .live(LiveQuestion(issuer: issuer, entries: entries, nonce: nonce))
  }
}

extension Span<UInt8> {
  fileprivate func octets(_ range: Range<Int>) -> [UInt8] {
    range.map { self[$0] }
  }
}
