/// Charts of how a run went, second by second.
struct TimelineCharts {
  /// Points that a chart shows: a longer run has several seconds in each.
  private static let maximumPoints = 600

  private let run: LoadRun
  /// Seconds that a point stands for.
  private let step: Int
  private let groups: [(middle: Double, length: Double, seconds: ArraySlice<Second>)]

  init(_ run: LoadRun) {
    self.run = run
    let step = max(1, (run.timeline.count + TimelineCharts.maximumPoints - 1) / TimelineCharts.maximumPoints)
    self.step = step
    groups = stride(from: 0, to: run.timeline.count, by: step).compactMap { begin in
      let end = min(begin + step, run.timeline.count)
      let length = (begin..<end).reduce(0) { $0 + run.length(ofSecond: $1) }
      // The shred of a second at the end says nothing about a rate.
      guard length >= 0.5 else { return nil }
      return (Double(begin) + length / 2, length, run.timeline[begin..<end])
    }
  }

  private var time: Axis {
    .linear("seconds since the begin", upTo: groups.last.map { $0.middle + $0.length / 2 } ?? 1, isTight: true)
  }

  private var grain: String { step == 1 ? "second" : "\(step) seconds" }

  var throughput: Chart {
    let answered = groups.map { Chart.Point(x: $0.middle, y: rate($0, \.answered)) }
    let failed = groups.map { Chart.Point(x: $0.middle, y: rate($0, \.failed)) }
    var series = [Chart.Series(name: "answered", marks: .line(answered))]
    if failed.contains(where: { $0.y > 0 }) { series.append(Chart.Series(name: "failed", marks: .line(failed))) }
    if let planned = run.plannedPerSecond, let last = groups.last {
      let ends = [0, last.middle + last.length / 2].map { Chart.Point(x: $0, y: planned) }
      series.append(Chart.Series(name: "planned", marks: .reference(ends)))
    }
    let rates = answered.map(\.y)
    let (least, greatest) = (Figures.amount(rates.min() ?? 0), Figures.amount(rates.max() ?? 0))
    return Chart(
      title: "Throughput over time",
      description:
        "Answered and failed requests a second, a point for each \(grain): between \(least) and \(greatest) answered.",
      x: time,
      y: .linear(
        "requests a second", upTo: (rates + failed.map(\.y) + [run.plannedPerSecond ?? 0]).max() ?? 1),
      series: series)
  }

  var latency: Chart {
    // A second in which nothing was answered has no latency.
    let filled = groups.filter { group in group.seconds.contains { $0.answered > 0 } }
    func points(_ value: KeyPath<Second, Int64>) -> [Chart.Point] {
      filled.map { group in
        Chart.Point(x: group.middle, y: Double(group.seconds.map { $0[keyPath: value] }.max() ?? 0))
      }
    }
    let parts = [
      ("maximum", points(\.maximumNanoseconds)), ("p99", points(\.p99Nanoseconds)), ("p50", points(\.p50Nanoseconds)),
    ]
    let ranges = parts.compactMap { name, points -> String? in
      guard let least = points.map(\.y).min(), let greatest = points.map(\.y).max() else { return nil }
      return "\(name) between \(Figures.duration(nanoseconds: least)) and \(Figures.duration(nanoseconds: greatest))"
    }
    return Chart(
      title: step == 1 ? "Latency over time" : "Latency over time: the highest of each \(grain)",
      description: "Latency of each \(grain): " + ranges.joined(separator: ", ") + ".", x: time,
      y: .latency("latency", of: parts.flatMap { $0.1.map(\.y) }),
      series: parts.map { Chart.Series(name: $0.0, marks: .line($0.1)) })
  }

  private func rate(
    _ group: (middle: Double, length: Double, seconds: ArraySlice<Second>), _ count: KeyPath<Second, UInt64>
  ) -> Double {
    Double(group.seconds.map { $0[keyPath: count] }.clampedSum) / group.length
  }
}
