import Synchronization

/// Wakes one thread, once for however many calls come before it looks. Any thread may ring, and none waits.
public final class ThreadSignal: Sendable {
  private let isRung = Atomic<Bool>(false)
  private let rings = GrowingValue()

  public init() {}

  public func ring() {
    // A ring that was not heard yet stands for this one.
    guard !isRung.exchange(true, ordering: .acquiringAndReleasing) else { return }
    rings.raise(to: rings.current + 1)
  }

  /// Waits until somebody has rung since the last time, or for so long. The one thread that listens calls it.
  public func wait(milliseconds: Int64) {
    let seen = rings.current
    if !isRung.load(ordering: .acquiring) { _ = rings.wait(for: seen + 1, milliseconds: milliseconds) }
    // Before the thread looks: what comes from here on rings again.
    isRung.store(false, ordering: .releasing)
  }
}
