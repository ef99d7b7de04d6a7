import Synchronization

/// How often something has happened. Any thread.
public final class FeedCounter: Sendable {
  private let value = Atomic<UInt64>(0)

  func add(_ count: Int = 1) { value.wrappingAdd(UInt64(clamping: count), ordering: .relaxed) }

  public var current: UInt64 { value.load(ordering: .relaxed) }
}
