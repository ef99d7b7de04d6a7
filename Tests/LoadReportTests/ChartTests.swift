import Testing

@testable import LoadReport

@Suite("Charts")
struct ChartTests {
  private func points(_ series: Chart.Series) -> [Chart.Point] {
    switch series.marks {
    case .line(let points), .reference(let points): points
    case .bars: []
    }
  }

  @Test("greater values lie higher and further to the right, within the picture")
  func geometry() throws {
    let chart = Chart(
      title: "t", description: "d", x: .linear("x", upTo: 10), y: .linear("y", upTo: 100),
      series: [
        Chart.Series(
          name: "a", marks: .line([Chart.Point(x: 0, y: 0), Chart.Point(x: 5, y: 50), Chart.Point(x: 10, y: 100)]))
      ])
    let source = chart.figure.source
    let path = try #require(
      source.firstRange(of: "class=\"line c0\" d=\"M").map { source[$0.upperBound...].prefix { $0 != "\"" } })
    let places = path.split(whereSeparator: { $0 == "L" || $0 == " " }).compactMap { Double($0) }
    try #require(places.count == 6)
    let (across, down) = ([places[0], places[2], places[4]], [places[1], places[3], places[5]])
    #expect(across[0] < across[1] && across[1] < across[2] && across[0] > 30 && across[2] < 560)
    #expect(down[0] > down[1] && down[1] > down[2] && down[2] > 0 && down[0] < 300)
    #expect(abs(down[0] + down[2] - 2 * down[1]) < 0.2 && abs(across[0] + across[2] - 2 * across[1]) < 0.2)
  }

  @Test("the curve of percentiles says what quantiles say, and ends at the maximum")
  func percentiles() {
    let latency = LoadSample.run().latency
    let chart = LatencyCharts.percentiles(title: "t", [("a", latency)])
    let curve = points(chart.series[0])
    #expect(curve.first == Chart.Point(x: 0, y: Double(latency.minimum)))
    #expect(curve.last == Chart.Point(x: 1 - 0.5 / Double(latency.count), y: Double(latency.maximum)))
    for (before, point) in zip(curve, curve.dropFirst()) {
      #expect(point.x > before.x && point.y >= before.y)
      // In the middle of a step no rounding can take the neighbour's.
      #expect(Double(latency.quantile((before.x + point.x) / 2)) == point.y)
    }
    #expect(chart.x.position(of: curve.last?.x ?? 0) > 0.999 && chart.description.contains("a: half within 3"))
  }

  @Test("the bars of a distribution add up to all, side by side")
  func bars() throws {
    for latency in [LoadSample.run().latency, LoadSample.run(typical: 3).latency] {
      let chart = LatencyCharts.frequencies(title: "t", [("a", latency)])
      guard case .bars(let bars) = chart.series[0].marks else { return }
      #expect(abs(bars.reduce(0) { $0 + $1.y } - 100) < 1e-9 && !bars.isEmpty)
      for (bar, next) in zip(bars, bars.dropFirst()) {
        #expect(bar.begin < bar.end && bar.end <= next.begin * 1.000_001)
      }
      for bar in bars { #expect(abs(bar.end / bar.begin - 1.122018454301963) < 1e-9) }
    }
  }

  @Test("what was planned is drawn beside what was answered, and failures only where there are some")
  func throughput() {
    let planned = LoadSample.run(pace: .openLoop(requestsPerSecond: 400), failures: [.timeout])
    let chart = TimelineCharts(planned).throughput
    #expect(chart.series.map(\.name) == ["answered", "failed", "planned"])
    #expect(points(chart.series[0]).map(\.y) == planned.timeline.map { Double($0.answered) })
    #expect(points(chart.series[0]).map(\.x) == [0.5, 1.5, 2.5, 3.5, 4.5])
    #expect(points(chart.series[1]).map(\.y) == [0, 0, 0, 0, 1])
    #expect(points(chart.series[2]) == [Chart.Point(x: 0, y: 400), Chart.Point(x: 5, y: 400)])
    #expect(TimelineCharts(LoadSample.run()).throughput.series.map(\.name) == ["answered"])
  }

  @Test("seconds without an answer have no latency, and are no zero in the chart")
  func latencyOverTime() {
    var run = LoadSample.run()
    run.timeline[2] = Second(latency: LatencyHistogram(), failed: 7)
    let chart = TimelineCharts(run).latency
    #expect(chart.series.map(\.name) == ["maximum", "p99", "p50"])
    for (series, value) in zip(chart.series, [\Second.maximumNanoseconds, \.p99Nanoseconds, \.p50Nanoseconds]) {
      #expect(points(series).map(\.x) == [0.5, 1.5, 3.5, 4.5])
      let expected = run.timeline.filter { $0.answered > 0 }.map { Double($0[keyPath: value]) }
      #expect(points(series).map(\.y) == expected)
    }
  }

  @Test("scaling is drawn in the order of the steps, for open and closed loops apart")
  func scaling() {
    var runs = Array(LoadSample.sweep().runs.reversed())
    runs += [8, 1, 2].map { LoadSample.run(connections: $0, seconds: 1, perSecond: 100 * $0, typical: 200_000) }
    let charts = ScalingCharts.charts([("", runs)])
    #expect(
      charts.map(\.title) == [
        "Throughput over planned requests a second", "Latency over planned requests a second",
        "Throughput over connections", "Latency over connections",
      ])
    #expect(points(charts[0].series[0]).map(\.x) == [100, 200, 400, 800])
    #expect(points(charts[0].series[0]).map(\.y) == LoadSample.sweep().runs.map(\.finePerSecond))
    #expect(points(charts[0].series[1]) == [Chart.Point(x: 100, y: 100), Chart.Point(x: 800, y: 800)])
    #expect(points(charts[2].series[0]).map(\.x) == [1, 2, 8])
    #expect(points(charts[3].series[1]).map(\.y) == [5, 6, 4].map { Double(runs[$0].latency.quantile(0.99)) })
    #expect(ScalingCharts.charts([("", [runs[0], runs[0]])]).isEmpty, "one step is no curve")
  }

  @Test("lines too dense for the eye are thinned, and their last point stays")
  func thinning() {
    let many = (0...10_000).map { Chart.Point(x: Double($0) / 1000, y: 1) } + [Chart.Point(x: 10, y: 7)]
    let chart = Chart(
      title: "t", description: "d", x: .linear("x", upTo: 10), y: .linear("y", upTo: 10),
      series: [Chart.Series(name: "a", marks: .line(many))])
    let source = chart.figure.source
    #expect(source.utf8.count < 40_000 && !source.contains("<circle"))
    // 7 of 10, from the top at 10 down to the axis at 252.
    #expect(source.contains("L538 82.6\"/>"))
  }
}
