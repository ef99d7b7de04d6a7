/// How soon one revocation was seen, while the load went on.
public struct Probe: Sendable, Hashable {
  /// One place where the certificate was asked about again and again.
  public struct Watch: Sendable, Hashable {
    public var url: String
    /// From the send of the revocation to the first answer that said revoked; nil where none did within the bound.
    public var revokedAfterMilliseconds: Double?
    /// From the send of the revocation to the last answer that still said good; nil where none did.
    public var lastGoodAfterMilliseconds: Double?

    public init(url: String, revokedAfterMilliseconds: Double?, lastGoodAfterMilliseconds: Double?) {
      self.url = url
      self.revokedAfterMilliseconds = revokedAfterMilliseconds
      self.lastGoodAfterMilliseconds = lastGoodAfterMilliseconds
    }
  }

  /// In hexadecimal digits.
  public var serial: String
  /// From the send of the revocation to its acknowledgement; nil where it was not acknowledged.
  public var acknowledgedAfterMilliseconds: Double?
  public var watches: [Watch]
  /// Why the revocation was not acknowledged; nil where it was.
  public var problem: String?

  public init(
    serial: String, acknowledgedAfterMilliseconds: Double?, watches: [Watch], problem: String? = nil
  ) {
    self.serial = serial
    self.acknowledgedAfterMilliseconds = acknowledgedAfterMilliseconds
    self.watches = watches
    self.problem = problem
  }
}
