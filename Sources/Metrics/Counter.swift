import Synchronization

/// A number that many threads add to.
public struct Counter: ~Copyable, Sendable {
  private let value = Atomic<UInt64>(0)

  public var current: UInt64 { value.load(ordering: .relaxed) }

  public init() {}

  public func add(_ amount: UInt64) {
    value.wrappingAdd(amount, ordering: .relaxed)
  }
}

/// A number that one thread adds to and any reads: no locked instruction is needed.
public final class OwnCounter: Sendable {
  private let value = Atomic<UInt64>(0)

  public var current: UInt64 { value.load(ordering: .relaxed) }

  public init() {}

  /// By its one thread.
  public func add(_ amount: UInt64) {
    value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }
}
