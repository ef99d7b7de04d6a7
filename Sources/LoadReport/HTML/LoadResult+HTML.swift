import CalendarTime

extension LoadResult {
  /// The result as one page that needs nothing else: no scripts, no fonts, no pictures from elsewhere.
  public var html: String {
    var body = [
      Markup.element("h1", text: "Load test: \(name)"),
      PageParts.paragraph("\(url), \(startedAt.iso8601), by avouch \(version)", faint: true),
      PageParts.paragraph("Load from \(machine.words)", faint: true),
    ]
    body += runs.count == 1 ? single(runs[0]) : several
    if !probes.isEmpty { body.append(probeSection) }
    body.append(PageParts.section("What was asked for", [asked]))
    body.append(.element("footer", [:], [PageParts.paragraph(LoadResult.footer)]))
    return Markup.page(title: "Load test: \(name)", style: StyleSheet.text, body: body)
  }

  private static let footer =
    "In an open loop latency counts from the time at which the plan had the request sent, so that a server that stops for a "
    + "while is charged for everybody who would have asked meanwhile; in a closed loop from the send. Latencies are those of "
    + "answered requests; failures are counted apart. Percentiles are exact to less than 1 %, minimum, mean and maximum "
    + "fully. A share of requests on a scale of nines takes as much room from 90 % to 99 % as from 99 % to 99.9 %."

  private func single(_ run: LoadRun) -> [Markup] {
    let heading = "\(run.paceWords), \(Figures.fixed(run.seconds, places: 1)) s".firstUppercased
    return [RunSection(run).tiles, PageParts.section(heading, RunSection(run).content)]
  }

  private var several: [Markup] {
    guard let best = runs.max(by: { $0.finePerSecond < $1.finePerSecond }) else {
      return [PageParts.paragraph("No run was measured.")]
    }
    let failures = runs.map(\.failures).clampedSum
    var parts = [
      PageParts.tiles([
        PageParts.Tile(value: "\(runs.count)", words: "runs"),
        PageParts.Tile(
          value: Figures.amount(best.finePerSecond), words: "answered ok a second at best, at \(best.step)"),
        PageParts.Tile(value: best.latency.shown([0.99])[0], words: "p99 latency there"),
        PageParts.Tile(value: Figures.grouped(failures), words: "failures in all runs", isBad: failures > 0),
      ])
    ]
    let chosen = LoadResult.spread(runs, over: Chart.maximumSeries)
    let curves = LatencyCharts.percentiles(
      title: "Latency by percentile" + (chosen.count < runs.count ? ", \(chosen.count) of \(runs.count) runs" : ""),
      chosen.map { ($0.step, $0.latency) })
    parts.append(
      PageParts.section(
        "Scaling", [PageParts.charts(ScalingCharts.charts([("", runs)]) + [curves]), scalingTable]))
    let details = runs.enumerated().map { index, run in
      let title = "Run \(index + 1): \(run.paceWords), \(Figures.fixed(run.seconds, places: 1)) s"
      return Markup.element(
        "details", [:], [.element("summary", text: title), RunSection(run).tiles] + RunSection(run).content)
    }
    parts.append(PageParts.section("Each run", details))
    return parts
  }

  private var scalingTable: Markup {
    PageParts.table(
      heading: [
        "step", "answered/s", "ok/s", "failures", "mean", "p50", "p90", "p99", "p99.9", "max", "client busy", "limit",
      ],
      runs.map { run in
        let mean = run.latency.isEmpty ? "-" : Figures.duration(nanoseconds: run.latency.mean)
        return [
          run.step, Figures.amount(run.requestsPerSecond), Figures.amount(run.finePerSecond),
          Figures.grouped(run.failures),
          mean,
        ] + run.latency.shown([0.5, 0.9, 0.99, 0.999, 1])
          + [Figures.percent(run.clientProcessorShare), run.limit.shortWords]
      }, notes: 1)
  }

  /// As many as can be told apart in one chart, the first and the last among them.
  private static func spread(_ runs: [LoadRun], over maximum: Int) -> [LoadRun] {
    guard runs.count > maximum else { return runs }
    return (0..<maximum).map { runs[$0 * (runs.count - 1) / (maximum - 1)] }
  }

  private var probeSection: Markup {
    let summary = ProbeSummary(probes)
    let rows = summary.rows.map { row in
      [row.name] + row.times.shown(ProbeSummary.shares) + [
        row.countWords + (row.isIncomplete ? ", some are MISSING" : "")
      ]
    }
    let curves = summary.rows.filter { $0.isExpected }.prefix(Chart.maximumSeries).map { ($0.name, $0.times) }
    let chart = LatencyCharts.percentiles(
      title: "How soon revocations were seen", of: "probes", measure: "time since revocation",
      Array(curves))
    return PageParts.section(
      "Revocations meanwhile",
      [PageParts.table(heading: ProbeSummary.heading, rows, notes: 1)]
        + summary.problems.map { .element("p", ["class": "bad"], text: "Not acknowledged: \($0)") }
        + [PageParts.charts([chart])])
  }

  private var asked: Markup {
    PageParts.settings(
      [("url", url)] + settings.map { ($0.name, $0.value) } + [
        ("client's machine", machine.words), ("avouch", version),
      ])
  }
}

extension String {
  /// For the begin of a sentence.
  var firstUppercased: String { prefix(1).uppercased() + dropFirst() }
}
