/// Charts of how throughput and latency change over the runs of a sweep: over the rate in open loops, over the number of
/// connections in closed ones. Each takes several sweeps, by name, to be compared with each other.
struct ScalingCharts {
  typealias Sweep = (name: String, runs: [LoadRun])

  /// Runs of one pace, in order of what they were driven with.
  private let sweeps: [Sweep]
  private let isOpenLoop: Bool
  private let step: Axis
  private let words: String

  /// Charts for the open loops and for the closed ones, each only where there are two different steps at least.
  static func charts(_ sweeps: [Sweep]) -> [Chart] {
    [true, false].flatMap { isOpenLoop in
      ScalingCharts(sweeps, isOpenLoop: isOpenLoop).map { [$0.throughput, $0.latency] } ?? []
    }
  }

  private init?(_ sweeps: [Sweep], isOpenLoop: Bool) {
    self.isOpenLoop = isOpenLoop
    self.sweeps = sweeps.map { name, runs in
      let chosen = runs.filter { ($0.plannedPerSecond != nil) == isOpenLoop }
      return (name, chosen.sorted { ScalingCharts.place($0) < ScalingCharts.place($1) })
    }
    let places = Set(self.sweeps.flatMap(\.runs).map { ScalingCharts.place($0) })
    guard places.count > 1, let least = places.min(), let greatest = places.max() else { return nil }
    words = isOpenLoop ? "planned requests a second" : "connections"
    // Steps that double want a logarithmic axis; steps that add want a plain one.
    step =
      least > 0 && greatest / least >= 8
      ? .logarithmic(words + " (logarithmic)", from: least, upTo: greatest) { Figures.roundAmount($0) }
      : .linear(words, upTo: greatest)
  }

  private static func place(_ run: LoadRun) -> Double { run.plannedPerSecond ?? Double(run.connections) }

  private func points(_ runs: [LoadRun], _ value: (LoadRun) -> Double?) -> [Chart.Point] {
    runs.compactMap { run in value(run).map { Chart.Point(x: ScalingCharts.place(run), y: $0) } }
  }

  private func named(_ sweep: Sweep, _ what: String) -> String { sweeps.count > 1 ? "\(sweep.name): \(what)" : what }

  private var throughput: Chart {
    var series = sweeps.map { sweep in
      Chart.Series(name: named(sweep, "answered ok"), marks: .line(points(sweep.runs) { $0.finePerSecond }))
    }
    let rates = sweeps.flatMap(\.runs).map(\.finePerSecond)
    let planned = asPlanned(upTo: rates.max() ?? 0)
    if isOpenLoop { series.append(Chart.Series(name: "as planned", marks: .reference(planned))) }
    let ends = rates.filter { $0 > 0 } + planned.map(\.y)
    // With both axes logarithmic what was planned is a straight line.
    let isLogarithmic = isOpenLoop && step.scale == .logarithmic
    return Chart(
      title: "Throughput over \(words)", description: described { Figures.amount($0.finePerSecond) + " a second" },
      x: step,
      y: isLogarithmic
        ? .logarithmic("requests a second (logarithmic)", from: ends.min() ?? 1, upTo: ends.max() ?? 1) {
          Figures.roundAmount($0)
        } : .linear("requests a second", upTo: ends.max() ?? 1),
      series: series)
  }

  /// What the throughput would be if all that was planned were answered.
  ///
  /// - Parameter greatest: what was reached: on a plain axis a line far above it would press the curve flat.
  private func asPlanned(upTo greatest: Double) -> [Chart.Point] {
    let rates = sweeps.flatMap(\.runs).compactMap(\.plannedPerSecond)
    guard let least = rates.min(), let last = rates.max() else { return [] }
    let end = step.scale == .logarithmic ? last : min(last, greatest * 1.25)
    return least < end ? [Chart.Point(x: least, y: least), Chart.Point(x: end, y: end)] : []
  }

  private var latency: Chart {
    let shares = sweeps.count > 1 ? [(0.5, "p50"), (0.99, "p99")] : [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")]
    var series: [Chart.Series] = []
    for sweep in sweeps {
      for (share, name) in shares {
        let line = points(sweep.runs) { $0.latency.isEmpty ? nil : Double($0.latency.quantile(share)) }
        series.append(Chart.Series(name: named(sweep, name), marks: .line(line)))
      }
    }
    let answered = sweeps.flatMap(\.runs).map(\.latency).filter { !$0.isEmpty }
    let edges = answered.flatMap { latency in shares.map { Double(latency.quantile($0.0)) } }
    return Chart(
      title: "Latency over \(words)",
      description: described {
        $0.latency.isEmpty ? "-" : "p99 \(Figures.duration(nanoseconds: $0.latency.quantile(0.99)))"
      },
      x: step, y: .latency("latency", of: edges), series: series)
  }

  private func described(_ value: (LoadRun) -> String) -> String {
    sweeps.filter { !$0.runs.isEmpty }.map { sweep in
      let steps = sweep.runs.map { "\($0.step): \(value($0))" }.joined(separator: "; ")
      return sweeps.count > 1 ? "\(sweep.name): \(steps)." : "\(steps)."
    }.joined(separator: " ")
  }
}
