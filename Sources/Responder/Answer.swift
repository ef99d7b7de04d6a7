public import CalendarTime

/// The times of one signed answer.
public struct AnswerTimes: Sendable, Hashable, BitwiseCopyable {
  /// thisUpdate, producedAt and Last-Modified: one and the same here (RFC 9919 6 and 7.2).
  public var producedAt: UnixTime
  public var nextUpdate: UnixTime
  /// When its replacement is planned; answers tell caches to come back no later than this.
  public var refreshAt: UnixTime

  public init(producedAt: UnixTime, nextUpdate: UnixTime, refreshAt: UnixTime) {
    self.producedAt = producedAt
    self.nextUpdate = nextUpdate
    self.refreshAt = refreshAt
  }

  /// How far this machine's clock may have gone back since the answer was made, in seconds.
  public static let clockTolerance: Int64 = 300

  /// Whether the answer may be given out: not ended (invariant 4), and not made by a clock that was ahead, whose answers
  /// clients would refuse as not valid yet.
  public func isValid(at now: UnixTime) -> Bool {
    now < nextUpdate && !isFromTheFuture(at: now)
  }

  public func isFromTheFuture(at now: UnixTime) -> Bool {
    producedAt > now.advanced(bySeconds: AnswerTimes.clockTolerance)
  }
}

/// A finished, signed answer to one question, as the answer cache and the source chain pass it on.
///
/// The embedded certificates end every response of a credential with the same octets, so they are kept once, in the
/// `CredentialTable`, and `prefix` is what comes before them.
public struct Answer: Sendable, Hashable {
  public var key: ResponseKey
  /// The revision of the row that the status was read from (invariant 1).
  public var revision: Revision
  public var times: AnswerTimes
  /// SHA-256 of the whole OCSPResponse: the entity tag (RFC 9919 7.2).
  public var digest: ResponseDigest
  /// The OCSPResponse up to the embedded certificates.
  public var prefix: [UInt8]
  /// In whose name it is signed.
  public var credential: CredentialIndex
  /// An answer for a serial nobody issued: the first to leave a full cache.
  public var isForUnissued: Bool

  public init(
    key: ResponseKey, revision: Revision, times: AnswerTimes, digest: ResponseDigest, prefix: [UInt8],
    credential: CredentialIndex, isForUnissued: Bool
  ) {
    self.key = key
    self.revision = revision
    self.times = times
    self.digest = digest
    self.prefix = prefix
    self.credential = credential
    self.isForUnissued = isForUnissued
  }
}

/// What the answer cache tells of an answer that it copied out, beside the octets.
public struct AnswerHead: Sendable {
  public var times: AnswerTimes
  public var digest: ResponseDigest
  /// How many octets were copied: the response up to the embedded certificates.
  public var prefixCount: Int
  public var credential: CredentialIndex
  /// Whether the octets are known to be those that were signed; else the digest has its first eight octets alone.
  var isConfirmed: Bool

  init(
    times: AnswerTimes, digest: ResponseDigest, prefixCount: Int, credential: CredentialIndex, isConfirmed: Bool = true
  ) {
    self.times = times
    self.digest = digest
    self.prefixCount = prefixCount
    self.credential = credential
    self.isConfirmed = isConfirmed
  }

  public init(_ answer: Answer) {
    self.init(
      times: answer.times, digest: answer.digest, prefixCount: answer.prefix.count, credential: answer.credential)
  }
}

/// What a cache knows of an answer that it holds.
public struct HeldAnswer: Sendable, Hashable {
  public var revision: Revision
  public var times: AnswerTimes
  /// In whose name it was signed.
  public var credential: CredentialIndex
}
