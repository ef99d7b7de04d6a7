/// Whether a place that signs is worth asking: after failures it is left alone for a while, then one trial decides.
///
/// Pure: time comes in as monotonic nanoseconds, chance as a number; the caller locks.
public struct TokenBreaker: Sendable {
  public enum State: Sendable, Hashable {
    case closed
    /// Nothing is signed there before that monotonic nanosecond.
    case open(until: Int64)
    /// One thread tries.
    case trying
  }

  /// So many failures in a row open it.
  private static let threshold = 3
  private static let firstPauseNanoseconds: Int64 = 1_000_000_000
  private static let longestPauseNanoseconds: Int64 = 30_000_000_000

  public private(set) var state = State.closed
  /// Since when it has been open; nil while it is closed.
  public private(set) var openSince: Int64?
  private var failuresInARow = 0
  private var pause = firstPauseNanoseconds

  public init() {}

  public var isClosed: Bool { state == .closed }

  /// A signature failed because of the place.
  ///
  /// - Parameters:
  ///   - isGrave: whether one is enough: a call that never returned, a token that was taken out.
  ///   - chance: 0 to 1: lengthens the pause by up to a quarter, so that many responders do not come back together.
  public mutating func failed(now: Int64, isGrave: Bool, chance: Double) {
    guard state == .closed else { return }
    failuresInARow += 1
    if isGrave || failuresInARow >= TokenBreaker.threshold { open(now, chance) }
  }

  public mutating func succeeded() {
    if state == .closed { failuresInARow = 0 }
  }

  /// Somebody has mended something, perhaps: the next trial is due at once.
  public mutating func hurry() {
    guard case .open = state else { return }
    state = .open(until: .min)
    pause = TokenBreaker.firstPauseNanoseconds
  }

  /// Whether the caller is the one to try now.
  public mutating func takeTrial(now: Int64) -> Bool {
    guard case .open(let until) = state, now >= until else { return false }
    state = .trying
    return true
  }

  public mutating func trialEnded(isGood: Bool, now: Int64, chance: Double) {
    guard state == .trying else { return }
    if isGood {
      self = TokenBreaker()
    } else {
      pause = min(pause * 2, TokenBreaker.longestPauseNanoseconds)
      open(now, chance)
    }
  }

  private mutating func open(_ now: Int64, _ chance: Double) {
    if openSince == nil { openSince = now }
    let jitter = Int64(Double(pause) * 0.25 * min(max(chance, 0), 1))
    state = .open(until: now + pause + jitter)
  }
}
