public import CalendarTime
public import OCSP

/// A certificate whose record has changed while caches in front of the responder may hold what was said of it before, and
/// which one of them has to be told of. Durable: the store puts it in line with the change itself, in one transaction.
public struct PurgeOrder: Sendable, Hashable {
  public var issuer: StoreIssuerID
  public var serial: SerialNumber
  /// Of the newest change that wants it.
  public var revision: Revision
  /// When the oldest change that wants it was committed.
  public var since: UnixTime
  /// Whether the certificate is revoked by now: those go before all others.
  public var isRevocation: Bool
  /// How often it was tried in vain since the newest change.
  public var failures: Int
  /// Whether it was purged since the newest change, and has to be once more: what was on its way to the cache at that moment
  /// may have come behind the purge.
  public var isRepetition: Bool

  public init(
    issuer: StoreIssuerID, serial: SerialNumber, revision: Revision, since: UnixTime, isRevocation: Bool,
    failures: Int = 0, isRepetition: Bool = false
  ) {
    self.issuer = issuer
    self.serial = serial
    self.revision = revision
    self.since = since
    self.isRevocation = isRevocation
    self.failures = failures
    self.isRepetition = isRepetition
  }
}

/// What has become of an order at one cache.
public struct PurgeOutcome: Sendable, Hashable {
  public enum Result: Sendable, Hashable {
    /// The cache holds nothing older any more: the order ends, unless a newer change wants it.
    case done
    /// It is to be tried again at that time, with what the order says then of failures and repetition.
    case putOff(until: UnixTime)
  }

  public var order: PurgeOrder
  public var result: Result

  public init(_ order: PurgeOrder, _ result: Result) {
    self.order = order
    self.result = result
  }
}

/// How much waits to be purged at one cache.
public struct PurgeBacklog: Sendable, Hashable {
  /// All orders, repetitions included.
  public var orders: Int
  /// Since when the oldest order waits that was not purged yet, so that a repetition does not count; nil where there is none.
  ///
  /// Of the orders that were never tried it is the `since` of the one with the lowest revision, of revocations and of others.
  /// One whose certificate has changed again, or that was ordered by hand, may be older and not show until it is tried: to
  /// know of it would cost every change an index of its own.
  public var oldest: UnixTime?

  public init(orders: Int, oldest: UnixTime?) {
    self.orders = orders
    self.oldest = oldest
  }
}

/// Whom changes are put in line for.
public struct PurgePlan: Sendable, Hashable {
  /// Names of the caches; each has a line of its own.
  public var caches: Set<String>
  /// Issuers whose answers for unissued serials may be cached too, so that a certificate that is new has to be purged.
  public var issuersCachedUnissued: Set<StoreIssuerID>

  public init(caches: Set<String>, issuersCachedUnissued: Set<StoreIssuerID>) {
    self.caches = caches
    self.issuersCachedUnissued = issuersCachedUnissued
  }
}

/// What another plan has changed.
public struct PurgePlanChange: Sendable, Hashable {
  /// Caches that were not in the plan before: what changed until now was put in line for none of them.
  public var added: Set<String>
  /// Orders of caches that are in the plan no more, by name; those that were never purged, and only where there are any.
  public var dropped: [String: Int]

  public init(added: Set<String> = [], dropped: [String: Int] = [:]) {
    self.added = added
    self.dropped = dropped
  }
}
