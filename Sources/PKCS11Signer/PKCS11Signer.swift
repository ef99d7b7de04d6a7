public import OCSP
public import Responder
import Synchronization

/// Signs with a private key that stays in a token, through PKCS#11.
///
/// Making one touches neither module nor token: that happens with the first session, so that a broken HSM does not keep
/// other issuers from serving. Any thread may open sessions; each session is one thread's.
public final class PKCS11Signer: Signer {
  /// The digest of octets, as `OpenSSLHasher.digest` gives it.
  public typealias DigestFunction = @Sendable (_ octets: [UInt8], _ algorithm: HashAlgorithm) -> [UInt8]
  /// Whether the octets are the signature of the certificate's key over the message under the signer's algorithm.
  public typealias VerifyFunction = @Sendable (_ signature: [UInt8], _ message: [UInt8]) -> Bool

  /// What may be chosen.
  public struct Options: Sendable, Hashable {
    /// Of ECDSA and EdDSA signatures, how many are verified before they are returned: 0 none, 1 all. Verifying costs
    /// more than signing in software does. RSA signatures are all verified: that is cheap, and a fault there gives the
    /// key away (Boneh, DeMillo, Lipton 1997).
    public var verifiedShare: Double
    /// How often a signature is tried again, with what helps against the failure, before it is given up.
    public var retries: Int

    /// How many sessions sign at once. The token may allow fewer: `maximumSessions`.
    public var threads: Int
    /// After so long a call that has not returned is given up by the runtime; nil waits for ever.
    public var callDeadlineMilliseconds: Int64?
    /// How many signatures a second renewals may take of this token; nil for all.
    public var renewalsPerSecond: Int?

    public init(
      verifiedShare: Double = 0.01, retries: Int = 2, threads: Int = 2, callDeadlineMilliseconds: Int64? = 10_000,
      renewalsPerSecond: Int? = nil
    ) {
      self.verifiedShare = min(max(verifiedShare, 0), 1)
      self.retries = min(max(retries, 0), 10)
      self.threads = max(threads, 1)
      self.callDeadlineMilliseconds = callDeadlineMilliseconds
      self.renewalsPerSecond = renewalsPerSecond
    }
  }

  public let uri: PKCS11URI
  public let scheme: SignatureScheme
  public let signatureAlgorithm: [UInt8]
  /// The token: all its keys share its threads.
  public let place: SigningPlace
  let token: Token
  let options: Options
  let mechanism: SigningMechanism
  let certificateName: String
  let digest: DigestFunction
  let verify: VerifyFunction
  /// Whether a signature of this key has ever been verified: then what goes wrong later is the token's trouble, not the
  /// configuration's.
  private let proven = Atomic<Bool>(false)
  /// So many signatures behind one that did not verify are all verified.
  private static let signaturesUnderSuspicion = 10_000
  private let suspicion = Atomic<Int>(0)

  /// - Parameters:
  ///   - certificateName: the file of the certificate whose key this is, for messages.
  ///   - verify: called on the signing thread, with whole DER elements as message.
  public init(
    uri: PKCS11URI, scheme: SignatureScheme, certificateName: String, options: Options = Options(),
    digest: @escaping DigestFunction, verify: @escaping VerifyFunction
  ) {
    self.uri = uri
    self.scheme = scheme
    self.certificateName = certificateName
    self.options = options
    self.digest = digest
    self.verify = verify
    signatureAlgorithm = scheme.algorithmIdentifier
    place = SigningPlace(
      name: uri.tokenText, threads: options.threads, callDeadlineMilliseconds: options.callDeadlineMilliseconds,
      renewalsPerSecond: options.renewalsPerSecond)
    token = Token(uri)
    mechanism = SigningMechanism(scheme)
  }

  /// Opens the token, logs in, finds the key, and has it sign once on trial.
  ///
  /// Blocks for as long as the token takes. Each failure is answered with what helps, `retries` times.
  ///
  /// - Throws: `.configuration` for what somebody must mend (no such key, another key than the certificate's, a refused
  ///   PIN, a missing mechanism, a file that is no module), with what is there instead; `.token` where the token is not
  ///   there or does not answer; `.thread` where it has no session left; `.signature` where only this session could not
  ///   be had.
  public func openSession() throws(SigningError) -> any SigningSession {
    let session = PKCS11SigningSession(self)
    try session.open()
    return session
  }

  /// How many sessions the token lets this program have; nil where it names no limit. Opens the token.
  public func maximumSessions() throws(SigningError) -> Int? {
    do { return try token.info().maximumSessions } catch { throw error.signingError }
  }

  public func isGenuine(_ signature: [UInt8], over tbsResponseData: [UInt8]) -> Bool {
    verify(signature, tbsResponseData)
  }

  /// Whether every signature is verified for now, since one did not verify a while ago. Counts down by itself.
  var isSuspect: Bool {
    guard suspicion.load(ordering: .relaxed) > 0 else { return false }
    return suspicion.subtract(1, ordering: .relaxed).newValue >= 0
  }

  func suspect() { suspicion.store(PKCS11Signer.signaturesUnderSuspicion, ordering: .relaxed) }

  var isProven: Bool { proven.load(ordering: .relaxed) }

  func setProven() {
    proven.store(true, ordering: .relaxed)
  }
}
