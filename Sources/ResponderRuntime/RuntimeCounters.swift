import Synchronization

/// What the runtime counts, for metrics and for `avouch status`. Any thread may add and read.
public final class RuntimeCounters: Sendable {
  /// A number that many threads add to.
  public struct Counter: ~Copyable, Sendable {
    private let value = Atomic<UInt64>(0)

    public var current: UInt64 { value.load(ordering: .relaxed) }

    public init() {}

    public func add(_ amount: UInt64) {
      value.wrappingAdd(amount, ordering: .relaxed)
    }
  }

  /// Signatures made, and made in vain because a change overtook them.
  public let signatures = Counter()
  public let signingFailures = Counter()
  public let storeFailures = Counter()
  /// Questions that shared somebody else's signature.
  public let coalesced = Counter()
  /// Questions told `tryLater` because a bound was reached, and because their deadline passed.
  public let refused = Counter()
  public let overdue = Counter()
  /// Answers that a newer one or a change overtook before they were published (invariant 1 at work).
  public let overtaken = Counter()
  public let changesApplied = Counter()
  public let refreshes = Counter()
  /// Answers loaded from the store at the start, and those that had to be signed then.
  public let loaded = Counter()
  public let presigned = Counter()
  /// Responses not kept in the store because the saver was behind.
  public let unsaved = Counter()

  init() {}
}
