/// What a page says about one run.
struct RunSection {
  private let run: LoadRun

  init(_ run: LoadRun) {
    self.run = run
  }

  /// The figures at one glance.
  var tiles: Markup {
    var tiles = [
      PageParts.Tile(value: Figures.amount(run.requestsPerSecond), words: "answered a second"),
      PageParts.Tile(value: Figures.amount(run.finePerSecond), words: "answered ok a second"),
    ]
    let shown = run.latency.shown([0.5, 0.99, 0.999, 1])
    for (value, words) in zip(shown, ["median latency", "p99 latency", "p99.9 latency", "longest latency"]) {
      tiles.append(PageParts.Tile(value: value, words: words))
    }
    tiles.append(
      PageParts.Tile(
        value: Figures.grouped(run.failures), words: run.failures == 1 ? "failure" : "failures", isBad: run.failures > 0
      ))
    tiles.append(
      PageParts.Tile(value: Figures.percent(run.clientProcessorShare), words: "of the client's threads busy"))
    return PageParts.tiles(tiles)
  }

  /// Sentence, tables, charts and examples.
  var content: [Markup] {
    var parts: [Markup] = [limit]
    var shown: [LatencyCharts.Named] = [("latency", run.latency)]
    if run.service != run.latency { shown.append(("from the actual send", run.service)) }
    let timeline = TimelineCharts(run)
    parts.append(
      PageParts.charts([
        LatencyCharts.percentiles(title: "Latency by percentile", shown),
        LatencyCharts.frequencies(title: "Distribution of latency", [shown[0]]), timeline.throughput, timeline.latency,
      ]))
    parts += [.element("h3", text: "Latency"), latencyTable]
    if !run.frequentCounts.isEmpty { parts += [.element("h3", text: "Answers by kind"), countsTable] }
    parts.append(traffic)
    if !run.examples.isEmpty { parts += [.element("h3", text: "Examples of failures")] + run.examples.flatMap(example) }
    return parts
  }

  private var limit: Markup {
    switch run.limit {
    case .client, .failures: .element("p", ["class": "bad"], text: run.limitSentence)
    case .server, .rate, .none: PageParts.paragraph(run.limitSentence)
    }
  }

  private var traffic: Markup {
    let pieces = [
      "\(Figures.grouped(run.planned)) requests planned", "\(Figures.grouped(run.answered)) answered",
      "\(Figures.bytes(run.bytesReceived)) received", Figures.count(run.connectionsOpened, "connections") + " opened",
      "client: \(run.clientWords)",
    ]
    return PageParts.paragraph(pieces.joined(separator: "; ") + ".", faint: true)
  }

  private var latencyTable: Markup {
    let rows: [(name: String, histogram: LatencyHistogram)] = [
      (run.plannedPerSecond == nil ? "from the send" : "from the planned send", run.latency),
      ("from the actual send", run.service == run.latency ? LatencyHistogram() : run.service),
      ("lateness of the client itself", run.lateness),
    ]
    let filled = rows.filter { !$0.histogram.isEmpty }
    guard !filled.isEmpty else { return PageParts.paragraph("No latency: \(run.emptiness).") }
    return PageParts.table(
      heading: ["", "least", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"],
      filled.map { row in
        [
          row.name, Figures.duration(nanoseconds: row.histogram.minimum),
          Figures.duration(nanoseconds: row.histogram.mean),
        ]
          + row.histogram.shown([0.5, 0.9, 0.95, 0.99, 0.999, 1])
      })
  }

  private var countsTable: Markup {
    PageParts.table(
      heading: ["kind", "count", "share", ""],
      run.frequentCounts.map { [$0.kind.words, Figures.grouped($0.count), Figures.percent($0.share), $0.kind.mark] },
      notes: 1)
  }

  private func example(_ example: Example) -> [Markup] {
    let after = Figures.duration(milliseconds: example.afterMilliseconds)
    var lines = ["\(example.method) \(example.target)"]
    if !example.bodyHexadecimal.isEmpty { lines.append("body: \(example.bodyHexadecimal)") }
    let begin = HexadecimalText.readable(example.answerHexadecimal)
    lines.append(example.answerHexadecimal.isEmpty ? "no answer" : "answer: \(example.answerHexadecimal)")
    if !begin.isEmpty { lines.append("as text: \(begin)") }
    return [
      PageParts.paragraph("\(example.kind.words) after \(after): \(example.explanation)"),
      .element("pre", text: lines.joined(separator: "\n")),
    ]
  }
}

/// Octets in hexadecimal digits, as a person may read them.
enum HexadecimalText {
  /// The printable ASCII of it, with a point for each other octet; empty where the text is not hexadecimal.
  static func readable(_ digits: String) -> String {
    var result = ""
    var high: Int?
    for character in digits {
      guard let value = character.hexDigitValue else { return "" }
      guard let first = high else {
        high = value
        continue
      }
      high = nil
      let octet = UInt8(first << 4 | value)
      result.unicodeScalars.append((0x20...0x7E).contains(octet) ? Unicode.Scalar(octet) : "·")
    }
    return high == nil ? result : ""
  }
}
