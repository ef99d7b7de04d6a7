/// A point in time in whole seconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// OCSP, X.509 and HTTP all speak in whole seconds (RFC 5280 4.1.2.5.2, RFC 9110 5.6.7), so nothing finer is kept.
public struct UnixTime: Sendable, Hashable, Comparable, BitwiseCopyable {
  /// Seconds since the epoch; negative before it.
  public var seconds: Int64

  @inlinable
  public init(seconds: Int64) {
    self.seconds = seconds
  }

  @inlinable
  public static func < (left: UnixTime, right: UnixTime) -> Bool {
    left.seconds < right.seconds
  }

  /// The time that many seconds later (earlier, for a negative number), or the last or first one that there is.
  @inlinable
  public func advanced(bySeconds seconds: Int64) -> UnixTime {
    let (sum, overflow) = self.seconds.addingReportingOverflow(seconds)
    return UnixTime(seconds: overflow ? (seconds < 0 ? .min : .max) : sum)
  }

  /// How many seconds this time lies after `other`, within what an Int64 holds.
  @inlinable
  public func seconds(since other: UnixTime) -> Int64 {
    let (difference, overflow) = seconds.subtractingReportingOverflow(other.seconds)
    return overflow ? (seconds < other.seconds ? .min : .max) : difference
  }

  /// 9999-12-31T23:59:59Z, the time that RFC 5280 4.1.2.5 gives to "no well-defined end"; also the last that
  /// GeneralizedTime can write.
  public static let endOfTime = UnixTime(seconds: 253_402_300_799)
}
