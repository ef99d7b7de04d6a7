/// Two runs of the same pace, before and after.
struct RunPair {
  /// One line of a comparison.
  struct Row {
    var name: String
    var before: String
    var after: String
    /// After over before; `-` where there is no such number.
    var ratio: String
    var difference: String

    var cells: [String] { [name, before, after, ratio, difference] }

    static let heading = ["", "before", "after", "ratio", "difference"]
  }

  var before: LoadRun
  var after: LoadRun

  var rows: [Row] {
    var rows = [
      amount("answered/s", before.requestsPerSecond, after.requestsPerSecond),
      amount("ok/s", before.finePerSecond, after.finePerSecond),
      Row(
        name: "failures", before: Figures.grouped(before.failures), after: Figures.grouped(after.failures),
        ratio: RunPair.ratio(Double(before.failures), Double(after.failures)),
        difference: RunPair.signed(Double(after.failures) - Double(before.failures)) { Figures.fixed($0, places: 0) }),
      duration("mean", before.latency.mean, after.latency.mean),
    ]
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999), ("max", 1)] {
      rows.append(duration(name, Double(before.latency.quantile(share)), Double(after.latency.quantile(share))))
    }
    rows.append(
      Row(
        name: "client busy", before: Figures.percent(before.clientProcessorShare),
        after: Figures.percent(after.clientProcessorShare),
        ratio: RunPair.ratio(before.clientProcessorShare, after.clientProcessorShare),
        difference: RunPair.signed(after.clientProcessorShare - before.clientProcessorShare) { Figures.percent($0) }))
    return rows
  }

  private func amount(_ name: String, _ before: Double, _ after: Double) -> Row {
    Row(
      name: name, before: Figures.amount(before), after: Figures.amount(after), ratio: RunPair.ratio(before, after),
      difference: RunPair.signed(after - before) { Figures.amount($0) })
  }

  /// Latencies in nanoseconds; a run that answered nothing has none.
  private func duration(_ name: String, _ before: Double, _ after: Double) -> Row {
    func shown(_ nanoseconds: Double, _ run: LoadRun) -> String {
      run.latency.isEmpty ? "-" : Figures.duration(nanoseconds: nanoseconds)
    }
    let areBoth = !self.before.latency.isEmpty && !self.after.latency.isEmpty
    return Row(
      name: name, before: shown(before, self.before), after: shown(after, self.after),
      ratio: areBoth ? RunPair.ratio(before, after) : "-",
      difference: areBoth ? RunPair.signed(after - before) { Figures.duration(nanoseconds: $0) } : "-")
  }

  static func ratio(_ before: Double, _ after: Double) -> String {
    before > 0 && after.isFinite ? Figures.fixed(after / before, places: 3) : "-"
  }

  private static func signed(_ difference: Double, _ shown: (Double) -> String) -> String {
    difference > 0 ? "+" + shown(difference) : difference < 0 ? "-" + shown(-difference) : "0"
  }

  // MARK: - In words

  /// What can be said beyond the noise, a sentence for each thing.
  var sentences: [String] {
    var sentences: [String] = []
    if case .rate = before.limit, case .rate = after.limit {
      sentences.append("Throughput: both reached the rate that was asked for; what differs is latency.")
    } else {
      sentences.append(
        sentence(
          "Throughput", ("higher", "lower"), SecondBySecond(before: rates(before), after: rates(after)),
          overall: (before.requestsPerSecond, after.requestsPerSecond)))
    }
    for (name, share, value) in [("p50", 0.5, \Second.p50Nanoseconds), ("p99", 0.99, \Second.p99Nanoseconds)] {
      sentences.append(
        sentence(
          "Latency (\(name))", ("longer", "shorter"),
          SecondBySecond(before: latencies(before, value), after: latencies(after, value)),
          overall: (Double(before.latency.quantile(share)), Double(after.latency.quantile(share)))))
    }
    for (name, run) in [("before", before), ("after", after)] {
      if case .client(let why) = run.limit {
        sentences.append("The client was the limit \(name) (\(why)): throughput says little about the server.")
      } else if case .failures = run.limit {
        let count = Figures.grouped(run.faults)
        sentences.append("\(count) requests failed \(name): throughput and latency are of the others.")
      }
    }
    return sentences
  }

  private func sentence(
    _ what: String, _ words: (more: String, less: String), _ seconds: SecondBySecond?,
    overall: (before: Double, after: Double)
  ) -> String {
    guard let seconds else { return "\(what): too few seconds with answers to tell a difference from noise." }
    let range =
      "ratio \(Figures.fixed(seconds.ratio, places: 3)) second by second, 95 % range "
      + "\(Figures.fixed(seconds.range.lowerBound, places: 3)) to \(Figures.fixed(seconds.range.upperBound, places: 3))"
    let percent = Figures.percent(abs(seconds.ratio - 1))
    switch seconds.verdict {
    case .same: return "\(what): no difference beyond the noise (\(range))."
    // Where the seconds say one thing and the whole another, neither is to be believed.
    case .more where overall.after > overall.before: return "\(what): \(percent) \(words.more) after (\(range))."
    case .less where overall.after < overall.before: return "\(what): \(percent) \(words.less) after (\(range))."
    case .more, .less: return "\(what): the seconds and the whole run disagree; no difference is claimed (\(range))."
    }
  }

  /// Answered requests a second of the seconds that were measured whole.
  private func rates(_ run: LoadRun) -> [Double] {
    run.timeline.indices.filter { run.length(ofSecond: $0) > 0.999 }.map { Double(run.timeline[$0].answered) }
  }

  private func latencies(_ run: LoadRun, _ value: KeyPath<Second, Int64>) -> [Double] {
    run.timeline.filter { $0.answered > 0 }.map { Double($0[keyPath: value]) }
  }
}
