public import CalendarTime
public import OCSP

/// The small number that stands for a signing credential inside one running responder: a place in its `CredentialTable`.
public struct CredentialIndex: Sendable, Hashable, BitwiseCopyable {
  public var value: UInt32

  public init(_ value: UInt32) {
    self.value = value
  }
}

/// In whose name answers are signed: all of an answer that depends on the signer and not on the certificate asked about.
///
/// Two keys may share one (the same key in two tokens); a new responder certificate or another algorithm is another one.
/// Answers of an older one are served beside those of the newest until they are renewed (rollover).
public struct SigningCredential: Sendable, Hashable {
  public var responderID: ResponderID
  /// The DER AlgorithmIdentifier.
  public var signatureAlgorithm: [UInt8]
  /// The certificates embedded in each response, DER; empty where the CA signs itself and embeds nothing.
  public var certificates: [[UInt8]]
  /// No answer may begin before, nor end after, the signer's certificate is valid (invariant 4).
  public var notBefore: UnixTime
  public var notAfter: UnixTime

  public init(
    responderID: ResponderID, signatureAlgorithm: [UInt8], certificates: [[UInt8]], notBefore: UnixTime,
    notAfter: UnixTime
  ) {
    self.responderID = responderID
    self.signatureAlgorithm = signatureAlgorithm
    self.certificates = certificates
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// Whether answers of both are the same octets but for their times: certificates that are not embedded may be renewed
  /// for the same key, and then nothing but the dates is another.
  public func isSame(as other: SigningCredential) -> Bool {
    responderID == other.responderID && signatureAlgorithm == other.signatureAlgorithm
      && certificates == other.certificates
  }

  /// What holds for old and new answers once `newer`, the same but for its dates, is in force.
  ///
  /// It begins with the older certificate, under which the key has rightly signed what is still there. It ends with the
  /// newer one, be that earlier or later: that is the one by which answers are verified from now on.
  public func renewed(by newer: SigningCredential) -> SigningCredential {
    var renewed = newer
    renewed.notBefore = min(notBefore, newer.notBefore)
    return renewed
  }

  public func isValid(at time: UnixTime) -> Bool {
    notBefore <= time && time < notAfter
  }
}
