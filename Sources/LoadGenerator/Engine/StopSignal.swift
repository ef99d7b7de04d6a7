import Synchronization

/// Ends a load early. Any thread may ask for it.
public final class StopSignal: Sendable {
  private let flag = Atomic<Bool>(false)

  public init() {}

  public func stop() { flag.store(true, ordering: .releasing) }

  public var isStopped: Bool { flag.load(ordering: .acquiring) }
}
