import TestSupport
import Testing

@testable import LoadReport

@Suite("Latency histogram")
struct LatencyHistogramTests {
  private static let shares = [0.001, 0.1, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999]

  @Test("a quantile is never below the exact one, and less than one per cent above it", arguments: [1, 2, 3, 4, 5])
  func quantiles(seed: UInt64) {
    var numbers = SeededGenerator(seed: seed)
    for count in [1, 2, 3, 10, 1000, 20_000] {
      var histogram = LatencyHistogram()
      var samples: [Int64] = []
      for _ in 0..<count {
        let sample = numbers.nextLatency()
        samples.append(sample)
        histogram.record(nanoseconds: sample)
      }
      samples.sort()
      for share in LatencyHistogramTests.shares {
        // Of 1000 samples the 0.999 quantile is the 999th: multiplied in whole numbers, which binary fractions are not.
        let tenThousandths = Int((share * 10_000).rounded())
        let rank = max(1, (count * tenThousandths + 9999) / 10_000)
        let exact = samples[rank - 1]
        let found = histogram.quantile(share)
        #expect(
          found >= exact && Double(found) < Double(exact) * 1.01 + 0.5, "\(share) of \(count): \(found), \(exact)")
      }
      #expect(histogram.quantile(0) == samples.first && histogram.quantile(1) == samples.last)
      #expect(histogram.minimum == samples.first && histogram.maximum == samples.last)
      #expect(histogram.count == UInt64(count) && histogram.sum == UInt64(samples.reduce(0, +)))
      #expect(histogram.mean == Double(samples.reduce(0, +)) / Double(count))
    }
  }

  @Test("a share that binary fractions cannot write is the one that was meant: 7 % of a hundred is the seventh")
  func wholeRanks() {
    var histogram = LatencyHistogram()
    for value in Int64(1)...100 { histogram.record(nanoseconds: value) }
    for percent in Int64(1)...100 { #expect(histogram.quantile(Double(percent) / 100) == percent) }
    #expect(histogram.quantile(0.071) == 8)
  }

  @Test("each value lies within the edges of its bucket, and buckets follow each other without a gap")
  func edges() throws {
    var values = Set<Int64>()
    for bits in Int64(0)..<40 {
      for offset in Int64(-1)...1 { values.insert((1 << bits) + offset) }
    }
    values.formUnion(100...140)
    for value in values where (0...LatencyHistogram.greatest).contains(value) {
      var histogram = LatencyHistogram()
      histogram.record(nanoseconds: value)
      let bucket = try #require(histogram.buckets.first)
      #expect(bucket.lowEdge <= value && value <= bucket.highEdge && bucket.count == 1)
      #expect(Double(bucket.highEdge - bucket.lowEdge) <= Double(bucket.lowEdge) / 128)
      guard bucket.highEdge < LatencyHistogram.greatest else { continue }
      histogram.record(nanoseconds: bucket.highEdge + 1)
      #expect(histogram.buckets.count == 2 && histogram.buckets[1].lowEdge == bucket.highEdge + 1)
    }
  }

  @Test("what several have recorded and merged is what one would have recorded", arguments: [11, 12, 13])
  func merging(seed: UInt64) {
    var numbers = SeededGenerator(seed: seed)
    var parts = [LatencyHistogram](repeating: LatencyHistogram(), count: 4)
    var whole = LatencyHistogram()
    for _ in 0..<5000 {
      let sample = numbers.nextLatency()
      // The last part stays empty.
      parts[Int.random(in: 0...2, using: &numbers)].record(nanoseconds: sample)
      whole.record(nanoseconds: sample)
    }
    var merged = LatencyHistogram()
    for part in parts { merged.merge(part) }
    #expect(merged == whole)
    merged.reset()
    #expect(merged == LatencyHistogram())
  }

  @Test("values beyond the ends count as the ends")
  func ends() {
    var histogram = LatencyHistogram()
    for value in [0, -1, .min, Int64(1) << 62, .max] { histogram.record(nanoseconds: value) }
    #expect(histogram.count == 5 && histogram.minimum == 0 && histogram.maximum == LatencyHistogram.greatest)
    #expect(histogram.buckets.map(\.count) == [3, 2] && histogram.buckets.map(\.lowEdge).first == 0)
    #expect(histogram.quantile(0.5) == 0 && histogram.quantile(0.7) == LatencyHistogram.greatest)
    #expect(histogram.sum == 2 * UInt64(LatencyHistogram.greatest))
  }

  @Test("an empty one says 0 everywhere and has no buckets")
  func empty() {
    let histogram = LatencyHistogram()
    #expect(histogram.isEmpty && histogram.mean == 0 && histogram.minimum == 0 && histogram.maximum == 0)
    #expect(histogram.buckets.isEmpty)
    for share in [-1, 0, 0.5, 1, 2, Double.nan, Double.infinity] { #expect(histogram.quantile(share) == 0) }
  }

  @Test("it is made again from its buckets, and buckets that contradict the rest are refused")
  func again() {
    var histogram = LatencyHistogram()
    for value in [3, 1000, 1001, 1_000_000, Int64(1) << 62] { histogram.record(nanoseconds: value) }
    let buckets = histogram.buckets.map { (lowEdge: $0.lowEdge, count: $0.count) }
    func made(_ buckets: [(lowEdge: Int64, count: UInt64)], sum: UInt64, from: Int64, to: Int64) -> LatencyHistogram? {
      LatencyHistogram(buckets: buckets, sum: sum, minimum: from, maximum: to)
    }
    let (sum, last) = (histogram.sum, histogram.maximum)
    #expect(made(buckets, sum: sum, from: 3, to: last) == histogram)
    #expect(made([], sum: 0, from: 0, to: 0) == LatencyHistogram())
    #expect(made(buckets, sum: sum / 2, from: 3, to: last) == nil)
    #expect(made(buckets, sum: sum * 2, from: 3, to: last) == nil)
    #expect(made(buckets, sum: sum, from: 4, to: last) == nil)
    #expect(made(buckets, sum: sum, from: 3, to: 1_000_000) == nil)
    #expect(made(buckets + [(3, 1)], sum: sum + 3, from: 3, to: last) == nil, "the same bucket twice")
    #expect(made([(1001, 1)], sum: 1001, from: 1001, to: 1001) == nil, "no bucket begins at 1001")
    #expect(made([(-1, 1)], sum: 0, from: 0, to: 0) == nil)
    #expect(made([(.max, 1)], sum: .max, from: .max, to: .max) == nil)
    #expect(made([(5, 0)], sum: 0, from: 0, to: 0) == nil)
    #expect(made([], sum: 0, from: 0, to: 1) == nil)
  }
}
