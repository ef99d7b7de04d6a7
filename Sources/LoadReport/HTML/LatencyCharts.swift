/// Charts of how latencies are distributed. Each takes several histograms, by name, to be compared with each other.
enum LatencyCharts {
  typealias Named = (name: String, histogram: LatencyHistogram)

  /// Latency over the share of requests that were not slower; or another time, `measure`, of something else, `what`.
  static func percentiles(
    title: String, of what: String = "answered requests", measure: String = "latency", _ parts: [Named]
  ) -> Chart {
    let filled = parts.filter { !$0.histogram.isEmpty }
    let edges = filled.flatMap { [Double($0.histogram.minimum), Double($0.histogram.maximum)] }
    return Chart(
      title: title,
      description: "\(measure.firstUppercased) over the share of \(what) that were not slower. "
        + described(filled, shares: [(0.5, "half"), (0.99, "99 %"), (0.999, "99.9 %")]),
      x: .nines("share of \(what) that were not slower", count: filled.map(\.histogram.count).max() ?? 1),
      y: .latency(measure, of: edges),
      series: parts.map { Chart.Series(name: $0.name, marks: .line(curve($0.histogram))) })
  }

  /// Which latencies were how frequent.
  static func frequencies(title: String, _ parts: [Named]) -> Chart {
    let filled = parts.filter { !$0.histogram.isEmpty }
    let bars = parts.map { Chart.Series(name: $0.name, marks: .bars(LatencyCharts.bars($0.histogram))) }
    let edges = filled.flatMap { [Double($0.histogram.minimum), Double($0.histogram.maximum)] }
    let greatest = filled.flatMap { LatencyCharts.bars($0.histogram) }.map(\.y).max() ?? 1
    return Chart(
      title: title,
      description: "How frequent each latency was, in bars of which twenty cover a power of ten. "
        + described(filled, shares: [(0.05, "5 %"), (0.5, "half"), (0.95, "95 %")]),
      x: .latency("latency", of: edges),
      y: .linear("share of answered requests", upTo: greatest, unit: " %"), series: bars)
  }

  private static func described(_ parts: [Named], shares: [(share: Double, words: String)]) -> String {
    parts.map { part in
      let steps = shares.map {
        "\($0.words) within \(Figures.duration(nanoseconds: part.histogram.quantile($0.share)))"
      }
      let greatest = Figures.duration(nanoseconds: part.histogram.maximum)
      return "\(part.name): \(steps.joined(separator: ", ")), all within \(greatest)."
    }.joined(separator: " ")
  }

  /// The last point stands for the maximum, which nothing but the one slowest request has: half a request from the end.
  private static func curve(_ histogram: LatencyHistogram) -> [Chart.Point] {
    guard !histogram.isEmpty else { return [] }
    let total = Double(histogram.count)
    var points = [Chart.Point(x: 0, y: Double(histogram.minimum))]
    var below: UInt64 = 0
    for bucket in histogram.buckets {
      below = below.addingClamped(bucket.count)
      let latency = Double(min(bucket.highEdge, histogram.maximum))
      // Up to here none was slower: a step at this share.
      points.append(Chart.Point(x: min(Double(below) / total, 1 - 0.5 / total), y: latency))
    }
    return points
  }

  private static let barsPerDecade = 20
  /// The twentieth root of ten.
  private static let barRatio = 1.122018454301963436

  /// Bars as wide as a twentieth of a power of ten, in per cent of all.
  private static func bars(_ histogram: LatencyHistogram) -> [Chart.Bar] {
    var counts: [Int: UInt64] = [:]
    for bucket in histogram.buckets {
      let middle = max(1, (Double(bucket.lowEdge) + Double(bucket.highEdge)) / 2)
      let bar = Int((Logarithm.decimal(middle) * Double(barsPerDecade)).rounded(.down))
      counts[bar] = (counts[bar] ?? 0).addingClamped(bucket.count)
    }
    return counts.sorted { $0.key < $1.key }.map { bar, count in
      Chart.Bar(begin: edge(bar), end: edge(bar + 1), y: 100 * Figures.share(of: count, in: histogram.count))
    }
  }

  private static func edge(_ bar: Int) -> Double {
    Figures.power(of: 10, bar / barsPerDecade) * Figures.power(of: barRatio, bar % barsPerDecade)
  }
}
