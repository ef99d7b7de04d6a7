public import CalendarTime

/// A key that signs responses: in software, or later in an HSM. Any thread may open a session.
public protocol Signer: Sendable {
  /// The DER AlgorithmIdentifier that goes into the response.
  var signatureAlgorithm: [UInt8] { get }
  func openSession() throws(SigningError) -> any SigningSession
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
    /// The token, or the way to it: whatever else it would sign fails too. It is tried again after a while.
    case token
    /// What somebody has to mend: a wrong PIN, another key than the certificate's, a mechanism that the token lacks.
    /// Nothing changes by itself, so nothing is tried again before the configuration is read anew.
    case configuration
  }

  public var scope: Scope
  public var description: String

  public init(_ description: String, scope: Scope = .signature) {
    self.scope = scope
    self.description = description
  }
}

/// The wall clock.
public protocol Clock: Sendable {
  func now() -> UnixTime
}

/// SHA-256 and its kin, which the pure ring takes from the one who has them.
public protocol ResponseHasher: Sendable {
  /// The SHA-256 of the octets one after the other.
  func sha256(_ first: [UInt8], _ second: [UInt8]) -> ResponseDigest
}
