import OCSP
import Synchronization

/// How far the answers of an issuer have come into memory. Any thread may read and write.
public final class IssuerProgress: Sendable {
  private let serials = Atomic<Bool>(false)
  private let answers = Atomic<Bool>(false)
  private let missing = Atomic<Bool>(false)
  private let suspect = Atomic<Bool>(false)
  private let loaded = Atomic<UInt64>(.max)
  private let seeking = Atomic<Bool>(false)
  private let behind = Atomic<Bool>(false)
  private let underWay = Atomic<Int>(0)
  private let withheld = Atomic<Bool>(false)

  public init() {}

  /// Whether every serial it has issued is known: from then on others cost no look into the store (invariant 8).
  public var areSerialsKnown: Bool { serials.load(ordering: .acquiring) }
  public func serialsAreKnown() { serials.store(true, ordering: .releasing) }

  /// Whether every answer that is signed ahead has been loaded, or given to the signers.
  public var areAnswersLoaded: Bool { answers.load(ordering: .acquiring) }

  /// Whether that has been done for the signer that the issuer has now, and the algorithms that are signed ahead.
  public func hasMoved(to issuer: Issuer) -> Bool {
    loaded.load(ordering: .acquiring) == IssuerProgress.aim(issuer)
  }

  public func answersAreLoaded(for issuer: Issuer) {
    loaded.store(IssuerProgress.aim(issuer), ordering: .releasing)
    answers.store(true, ordering: .releasing)
    seeking.store(false, ordering: .releasing)
  }

  /// Whether that has been done for the algorithms that are signed ahead, be it for another signer.
  private func hasLoadedHashes(of issuer: Issuer) -> Bool {
    areAnswersLoaded && (loaded.load(ordering: .acquiring) ^ IssuerProgress.aim(issuer)) >> 40 == 0
  }

  /// Whether there is an answer, of whichever signer, to every question that is answered ahead; but for certificates that
  /// were issued a moment ago.
  public func isEverythingSigned(for issuer: Issuer) -> Bool {
    // In this order: what is found to be missing is sought before it does not count as missing any more, and counts as
    // planned before it does not count as sought any more.
    !areAnswersMissing && !areAnswersSought && presigning == 0 && !areChangesBehind && hasLoadedHashes(of: issuer)
  }

  private static func aim(_ issuer: Issuer) -> UInt64 {
    issuer.policy.presignedAlgorithms.reduce(UInt64(issuer.credentialIndex.value)) {
      $0 | 1 << (40 + UInt64($1.rawValue))
    }
  }

  /// Whether answers that should be in memory were left out since they were last sought.
  public var areAnswersMissing: Bool { missing.load(ordering: .acquiring) }
  public func answersAreMissing() { missing.store(true, ordering: .releasing) }
  /// Whether a look at all of them is under way, since some may be missing.
  public var areAnswersSought: Bool { seeking.load(ordering: .acquiring) }
  /// A look at all of them begins.
  public func answersAreSought(for issuer: Issuer) {
    if areAnswersMissing || areAnswersSuspect || !hasLoadedHashes(of: issuer) {
      seeking.store(true, ordering: .releasing)
    }
    missing.store(false, ordering: .releasing)
  }

  /// That look has ended before its time.
  public func answersAreNotSought() {
    if seeking.exchange(false, ordering: .acquiringAndReleasing) { answersAreMissing() }
  }

  /// Whether more has changed than is signed within a moment.
  public var areChangesBehind: Bool { behind.load(ordering: .acquiring) }
  public func changesAreBehind(_ areBehind: Bool) { behind.store(areBehind, ordering: .releasing) }

  /// Whether answers in memory and in the store may carry signatures that do not verify.
  public var areAnswersSuspect: Bool { suspect.load(ordering: .acquiring) }
  public func answersAreSuspect() { suspect.store(true, ordering: .releasing) }
  /// To be called where a look at all of them begins: whether there is reason for one.
  public func takeSuspicion() -> Bool { suspect.exchange(false, ordering: .acquiringAndReleasing) }

  /// Whether nothing is answered for the issuer, because what is known of its revocations is too old.
  public var isWithheld: Bool { withheld.load(ordering: .relaxed) }
  public func withhold(_ isWithheld: Bool) { withheld.store(isWithheld, ordering: .relaxed) }

  /// First answers that are planned and not signed yet.
  public var presigning: Int { underWay.load(ordering: .acquiring) }
  public func presigningGrows(by count: Int) { underWay.wrappingAdd(count, ordering: .acquiringAndReleasing) }
  public func presigningShrinks(by count: Int) { underWay.wrappingSubtract(count, ordering: .acquiringAndReleasing) }
}
