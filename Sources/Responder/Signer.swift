public import CalendarTime

/// Where signatures are made: the processors of this machine, or one token. The keys in one place share its threads, its
/// budget and its troubles.
public struct SigningPlace: Sendable, Hashable {
  /// Tells places apart, and names them to people: `software`, `token 'ocsp-1'`.
  public var name: String
  /// How many signatures may be under way at once.
  public var threads: Int
  /// A call that has not returned by then is given up, and its thread with it. Nil for calls that always return.
  public var callDeadlineMilliseconds: Int64?
  /// How many signatures a second planned renewals may take, so that revocations and questions always have room; nil for
  /// as many as there are.
  public var renewalsPerSecond: Int?

  public init(
    name: String, threads: Int, callDeadlineMilliseconds: Int64? = nil, renewalsPerSecond: Int? = nil
  ) {
    self.name = name
    self.threads = threads
    self.callDeadlineMilliseconds = callDeadlineMilliseconds
    self.renewalsPerSecond = renewalsPerSecond
  }
}

/// A key that signs responses: in software, or in a token. Any thread may open a session.
public protocol Signer: AnyObject, Sendable {
  /// The DER AlgorithmIdentifier that goes into the response.
  var signatureAlgorithm: [UInt8] { get }
  var place: SigningPlace { get }
  /// Where the key is in a token, this is what opens it: it may take seconds, and fail now and succeed later.
  func openSession() throws(SigningError) -> any SigningSession
  /// Whether a signature over those octets is one of this key: for what a token may have got wrong.
  func isGenuine(_ signature: [UInt8], over tbsResponseData: [UInt8]) -> Bool
}

extension Signer {
  /// Where the processors sign, nothing is in doubt.
  public func isGenuine(_ signature: [UInt8], over tbsResponseData: [UInt8]) -> Bool { true }
}

/// One thread's way to a signer; blocks while it signs.
public protocol SigningSession: AnyObject {
  /// The signature over the DER of tbsResponseData, ready for the response's BIT STRING.
  func sign(_ tbsResponseData: [UInt8]) throws(SigningError) -> [UInt8]
}

/// Why nothing could be signed. Never names key material.
public struct SigningError: Error, Sendable, Hashable, CustomStringConvertible {
  /// How far the trouble reaches, and so what is done about it.
  public enum Scope: Sendable, Hashable {
    /// This one signature: the next may succeed.
    case signature
    /// This one thread: the token has no session left for it. Those that have one go on.
    case thread
    /// The token, or the way to it: whatever else it would sign fails too. It is tried again after a while.
    case token
    /// What somebody has to mend: a wrong PIN, another key than the certificate's, a mechanism that the token lacks.
    /// Nothing changes by itself, so nothing is tried again before the configuration is read anew.
    case configuration
  }

  public var scope: Scope
  /// Whether a signature was made that does not verify: what was made before it unverified is in doubt.
  public var isFalseSignature: Bool
  public var description: String

  public init(_ description: String, scope: Scope = .signature, isFalseSignature: Bool = false) {
    self.scope = scope
    self.isFalseSignature = isFalseSignature
    self.description = description
  }
}

/// The two clocks: the one on the wall, which somebody may set, and the one that nobody sets. Both come from one source, so
/// that a simulation can move them together.
public protocol Clock: Sendable {
  func now() -> UnixTime
  /// Nanoseconds since an arbitrary start: for pauses, deadlines and rates.
  func monotonicNanoseconds() -> Int64
}

/// SHA-256 and its kin, which the pure ring takes from the one who has them.
public protocol ResponseHasher: Sendable {
  /// The SHA-256 of the octets one after the other.
  func sha256(_ first: [UInt8], _ second: [UInt8]) -> ResponseDigest
}
