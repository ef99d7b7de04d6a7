/// The probes of a result together: how many of them were seen, and how soon.
struct ProbeSummary {
  /// What was waited for, in all probes.
  struct Row {
    /// `acknowledged`, `revoked at http://...`, `last good at http://...`.
    var name: String
    /// Times that were measured.
    var times = LatencyHistogram()
    /// Of how many.
    var outOf: Int
    /// Whether a time that is missing is bad: a last good answer may well be missing.
    var isExpected: Bool

    /// `19 of 20`.
    var countWords: String { "\(Figures.grouped(times.count)) of \(Figures.count(outOf, "probes"))" }
    var isIncomplete: Bool { isExpected && times.count < UInt64(outOf) }
  }

  var rows: [Row]
  /// Why revocations were not acknowledged: the first few reasons, each once.
  var problems: [String]

  private static let maximumProblems = 5

  init(_ probes: [Probe]) {
    rows = [
      Row(
        name: "acknowledged", times: ProbeSummary.times(probes.map(\.acknowledgedAfterMilliseconds)),
        outOf: probes.count, isExpected: true)
    ]
    var urls: [String] = []
    var seen: Set<String> = []
    for watch in probes.flatMap(\.watches) where seen.insert(watch.url).inserted { urls.append(watch.url) }
    for url in urls {
      let watches = probes.flatMap(\.watches).filter { $0.url == url }
      rows.append(
        Row(
          name: "revoked at \(url)", times: ProbeSummary.times(watches.map(\.revokedAfterMilliseconds)),
          outOf: watches.count, isExpected: true))
      rows.append(
        Row(
          name: "last good at \(url)", times: ProbeSummary.times(watches.map(\.lastGoodAfterMilliseconds)),
          outOf: watches.count, isExpected: false))
    }
    problems = []
    for problem in probes.compactMap(\.problem) where !problems.contains(problem) {
      guard problems.count < ProbeSummary.maximumProblems else { break }
      problems.append(problem)
    }
  }

  private static func times(_ milliseconds: [Double?]) -> LatencyHistogram {
    var histogram = LatencyHistogram()
    for case .some(let value) in milliseconds {
      histogram.record(nanoseconds: Int64(min(max(0, value * 1e6), Double(LatencyHistogram.greatest))))
    }
    return histogram
  }

  static let heading = ["after a revocation was sent", "p50", "p90", "p99", "max", "seen"]
  static let shares = [0.5, 0.9, 0.99, 1]

  var lines: [String] {
    var table = TextTable(heading: ProbeSummary.heading, notes: 1)
    for row in rows {
      table.add(
        [row.name.shortened(to: 48)] + row.times.shown(ProbeSummary.shares)
          + [row.countWords + (row.isIncomplete ? "  MISSING" : "")])
    }
    return table.lines() + problems.map { "not acknowledged: \($0)".plain }
  }
}
