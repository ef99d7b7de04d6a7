/// How often each latency was seen: a log-linear histogram of nanoseconds from 0 to 2^40 - 1 (18 minutes).
///
/// Up to 127 ns each value has a bucket of its own; above, each power of two has 128 buckets, so that a bucket is never wider
/// than 1/128 of what it holds: what `quantile` says is less than 1 % above the exact value, and never below it. Fixed
/// memory (34 KiB); recording allocates nothing where nobody else holds a copy. Minimum, maximum and mean are exact.
/// Values beyond an end count as that end.
///
/// Used by one thread at a time; threads record each into their own and `merge` them.
public struct LatencyHistogram: Sendable, Equatable {
  /// A bucket that is not empty.
  public struct Bucket: Sendable, Hashable {
    /// The least value that falls into it, in nanoseconds.
    public var lowEdge: Int64
    /// The greatest value that falls into it, in nanoseconds.
    public var highEdge: Int64
    public var count: UInt64
  }

  /// The greatest value that is told apart from others, in nanoseconds.
  public static let greatest: Int64 = (1 << 40) - 1

  private static let stepBits = 7
  private static let bucketCount = LatencyHistogram.index(of: greatest) + 1

  private var counts = [UInt64](repeating: 0, count: LatencyHistogram.bucketCount)
  /// How many values were recorded.
  public private(set) var count: UInt64 = 0
  /// The sum of all values, in nanoseconds.
  public private(set) var sum: UInt64 = 0
  /// The least value, in nanoseconds; 0 where nothing was recorded.
  public private(set) var minimum: Int64 = 0
  /// The greatest value, in nanoseconds; 0 where nothing was recorded.
  public private(set) var maximum: Int64 = 0

  public init() {}

  public var isEmpty: Bool { count == 0 }

  /// The mean, in nanoseconds; 0 where nothing was recorded.
  public var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

  public mutating func record(nanoseconds: Int64) {
    let value = min(max(nanoseconds, 0), LatencyHistogram.greatest)
    counts[LatencyHistogram.index(of: value)] &+= 1
    minimum = count == 0 ? value : min(minimum, value)
    maximum = max(maximum, value)
    count &+= 1
    sum = sum.addingClamped(UInt64(value))
  }

  /// Adds all that `other` has recorded, as if it had been recorded here.
  public mutating func merge(_ other: LatencyHistogram) {
    guard !other.isEmpty else { return }
    for index in counts.indices { counts[index] = counts[index].addingClamped(other.counts[index]) }
    minimum = isEmpty ? other.minimum : min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    count = count.addingClamped(other.count)
    sum = sum.addingClamped(other.sum)
  }

  /// Forgets everything and keeps the memory.
  public mutating func reset() {
    for index in counts.indices { counts[index] = 0 }
    count = 0
    sum = 0
    minimum = 0
    maximum = 0
  }

  /// The least latency that at least this share of the values does not exceed: the upper edge of the bucket where it lies,
  /// at most `maximum`, in nanoseconds. 0 where nothing was recorded.
  ///
  /// - Parameter share: 0 to 1; 0 gives the minimum.
  public func quantile(_ share: Double) -> Int64 {
    guard !isEmpty else { return 0 }
    guard share > 0 else { return minimum }
    guard share < 1 else { return maximum }
    // A share such as 0.999 is a hair off in binary: 0.999 * 1000 must be the 999th value and not the 1000th.
    let exact = share * Double(count)
    let nearest = exact.rounded()
    let rank = UInt64(max(1, abs(exact - nearest) < 1e-9 * nearest ? nearest : exact.rounded(.up)))
    var below: UInt64 = 0
    for index in counts.indices {
      below = below.addingClamped(counts[index])
      if below >= rank { return min(LatencyHistogram.highEdge(of: index), maximum) }
    }
    return maximum
  }

  /// All buckets with something in them, from the least up.
  public var buckets: [Bucket] {
    counts.indices.lazy.filter { counts[$0] > 0 }.map { index in
      Bucket(
        lowEdge: LatencyHistogram.lowEdge(of: index), highEdge: LatencyHistogram.highEdge(of: index),
        count: counts[index])
    }
  }

  /// What was recorded once and written down, or nil where the parts contradict each other: an edge that no bucket has,
  /// a minimum or maximum outside the outer buckets, a sum that these buckets cannot have.
  ///
  /// - Parameters:
  ///   - buckets: least value and count of each; each bucket at most once.
  ///   - sum: of all values, in nanoseconds.
  public init?(buckets: [(lowEdge: Int64, count: UInt64)], sum: UInt64, minimum: Int64, maximum: Int64) {
    var (leastSum, greatestSum): (UInt64, UInt64) = (0, 0)
    for bucket in buckets {
      guard (0...LatencyHistogram.greatest).contains(bucket.lowEdge), bucket.count > 0 else { return nil }
      let index = LatencyHistogram.index(of: bucket.lowEdge)
      guard LatencyHistogram.lowEdge(of: index) == bucket.lowEdge, counts[index] == 0 else { return nil }
      counts[index] = bucket.count
      count = count.addingClamped(bucket.count)
      leastSum = leastSum.addingClamped(bucket.count.multipliedClamped(by: UInt64(bucket.lowEdge)))
      let highEdge = UInt64(LatencyHistogram.highEdge(of: index))
      greatestSum = greatestSum.addingClamped(bucket.count.multipliedClamped(by: highEdge))
    }
    guard leastSum <= sum, sum <= greatestSum else { return nil }
    self.sum = sum
    guard count > 0 else {
      guard minimum == 0, maximum == 0 else { return nil }
      return
    }
    guard minimum >= 0, minimum <= maximum, maximum <= LatencyHistogram.greatest else { return nil }
    guard LatencyHistogram.index(of: minimum) == counts.firstIndex(where: { $0 > 0 }),
      LatencyHistogram.index(of: maximum) == counts.lastIndex(where: { $0 > 0 })
    else { return nil }
    self.minimum = minimum
    self.maximum = maximum
  }

  /// - Parameter value: 0 to `greatest`.
  private static func index(of value: Int64) -> Int {
    let shift = max(0, 63 - stepBits - value.leadingZeroBitCount)
    // The seven bits below the leading one, after the buckets of all lower powers of two.
    return shift << stepBits + Int(value >> Int64(shift))
  }

  private static func lowEdge(of index: Int) -> Int64 {
    let shift = max(0, index >> stepBits - 1)
    return Int64(index - shift << stepBits) << Int64(shift)
  }

  private static func highEdge(of index: Int) -> Int64 {
    lowEdge(of: index) + (1 << Int64(max(0, index >> stepBits - 1))) - 1
  }
}
