public import Metrics
import Synchronization

/// What the runtime counts, for metrics and for `avouch status`. Any thread may add and read.
public final class RuntimeCounters: Sendable {
  /// Signatures made, and made in vain because a change overtook them.
  public let signatures = Counter()
  public let signingFailures = Counter()
  /// Signatures of tokens that did not verify, and answers that had one and were taken out of memory.
  public let falseSignatures = Counter()
  public let falseAnswers = Counter()
  public let storeFailures = Counter()
  /// Questions that shared somebody else's signature.
  public let coalesced = Counter()
  /// Questions told `tryLater` because a bound was reached, and because their deadline passed.
  public let refused = Counter()
  /// Questions told `tryLater` because no token signs for their issuer at present.
  public let unsignable = Counter()
  public let overdue = Counter()
  /// Questions whose askers were gone before anything was signed for them.
  public let abandoned = Counter()
  /// Answers that a newer one or a change overtook before they were published (invariant 1 at work).
  public let overtaken = Counter()
  public let changesApplied = Counter()
  public let refreshes = Counter()
  /// Answers loaded from the store at the start, and those that had to be signed then.
  public let loaded = Counter()
  public let presigned = Counter()
  /// Answers from the store whose octets, rebuilt, were not those that had been signed: a later look found that out.
  public let unusable = Counter()
  /// Responses not kept in the store because the saver was behind.
  public let unsaved = Counter()
  /// Threads given up because a call into a token's module did not return.
  public let lostThreads = Counter()

  init() {}
}

/// What one place that signs counts. Any thread may add and read.
public final class PlaceCounters: Sendable {
  private let count = Atomic<UInt64>(0)
  private let nanoseconds = Atomic<UInt64>(0)
  private let mean = Atomic<UInt64>(0)
  private let failures = Atomic<Bool>(false)

  init() {}

  /// Signatures made there.
  public var signatures: UInt64 { count.load(ordering: .relaxed) }
  /// Nanoseconds that the calls took, all together.
  public var busyNanoseconds: UInt64 { nanoseconds.load(ordering: .relaxed) }

  func hasFailed() { failures.store(true, ordering: .relaxed) }

  /// Whether a call has failed since this was last asked: true for one of those who ask.
  func takeFailures() -> Bool {
    failures.load(ordering: .relaxed) && failures.exchange(false, ordering: .relaxed)
  }

  /// - Parameter elapsed: nanoseconds of all those calls together.
  func signed(_ calls: UInt64, nanoseconds elapsed: UInt64) {
    count.wrappingAdd(calls, ordering: .relaxed)
    nanoseconds.wrappingAdd(elapsed, ordering: .relaxed)
    // A moving mean over some hundred calls, or over two minutes where they take seconds. Two threads may overwrite each
    // other's step: it is an estimate.
    let before = mean.load(ordering: .relaxed)
    let sample = max(1, elapsed / calls)
    let weight = min(max(calls, elapsed / 1_000_000_000), 64)
    mean.store(before == 0 ? sample : (before * (128 - weight) + sample * weight) / 128, ordering: .relaxed)
  }

  /// How long a call takes at present, in nanoseconds; nil until some were made.
  var callNanoseconds: UInt64? {
    let value = mean.load(ordering: .relaxed)
    return signatures < 16 ? nil : max(1, value)
  }
}
