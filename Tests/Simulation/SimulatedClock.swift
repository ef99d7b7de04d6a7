public import CalendarTime
public import Responder
import Synchronization

/// Both clocks in one number: it stands still until it is advanced.
public final class SimulatedClock: Clock {
  private let start: UnixTime
  private let elapsed = Atomic<Int64>(0)

  public init(_ start: UnixTime) {
    self.start = start
  }

  public func now() -> UnixTime { start.advanced(bySeconds: monotonicNanoseconds() / 1_000_000_000) }
  public func monotonicNanoseconds() -> Int64 { elapsed.load(ordering: .relaxed) }

  public func advance(nanoseconds: Int64) {
    elapsed.wrappingAdd(max(0, nanoseconds), ordering: .relaxed)
  }
}
