public import OCSP

/// A stretch of an issuer's certificates in the order of their serials, as octets are ordered: for several readers at once.
public struct SerialRange: Sendable, Hashable {
  /// Behind these octets, which need not be a serial; empty for the beginning.
  public var after: [UInt8]
  /// Up to these octets and with them; nil for the end.
  public var through: [UInt8]?

  public init(after: [UInt8] = [], through: [UInt8]? = nil) {
    self.after = after
    self.through = through
  }

  public static let all = SerialRange()

  public func contains(_ serial: SerialNumber) -> Bool {
    let octets = serial.octets
    return after.lexicographicallyPrecedes(octets) && !(through.map { $0.lexicographicallyPrecedes(octets) } ?? false)
  }
}

/// A certificate and what is stored of its response, but for the signature: a row of a scan.
public struct StoredRow: Sendable, Hashable {
  /// The response, where it was built from the certificate's present revision.
  public struct Response: Sendable, Hashable {
    public var times: AnswerTimes
    public var credential: StoreCredentialID
    /// The first eight octets of its SHA-256.
    public var digestPrefix: UInt64

    public init(times: AnswerTimes, credential: StoreCredentialID, digestPrefix: UInt64) {
      self.times = times
      self.credential = credential
      self.digestPrefix = digestPrefix
    }
  }

  public var record: CertificateRecord
  public var revision: Revision
  public var response: Response?

  public init(record: CertificateRecord, revision: Revision, response: Response?) {
    self.record = record
    self.revision = revision
    self.response = response
  }
}

/// How far a scan came.
public struct StoredPage: Sendable, Hashable {
  /// The newest change that the scan's snapshot had seen.
  public var asOf: Revision
  /// The last serial that was read.
  public var last: SerialNumber?
  /// Whether nothing is left of the range.
  public var isLast: Bool

  public init(asOf: Revision, last: SerialNumber?, isLast: Bool) {
    self.asOf = asOf
    self.last = last
    self.isLast = isLast
  }
}
