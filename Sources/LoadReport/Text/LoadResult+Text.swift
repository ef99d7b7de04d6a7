import CalendarTime

extension LoadResult {
  /// The result as a terminal shows it: at most 100 columns, save where a name or URL is longer; no colours. Lines without
  /// the last one's end.
  public var text: String {
    var lines = LabelledLines.lines("name", name)
    if url != name { lines += LabelledLines.lines("url", url) }
    lines += LabelledLines.lines("started", "\(startedAt.iso8601), avouch \(version)")
    lines += LabelledLines.lines("machine", machine.words)
    let asked = settings.map { "\($0.name) \($0.value)" }.joined(separator: "; ")
    lines += LabelledLines.lines("settings", asked)
    for (index, run) in runs.enumerated() {
      let number = runs.count > 1 ? "run \(index + 1) of \(runs.count): " : ""
      lines += ["", "\(number)\(run.paceWords), \(Figures.fixed(run.seconds, places: 1)) s"] + run.textLines
    }
    if runs.isEmpty { lines += ["", "no run was measured"] }
    if runs.count > 1 { lines += ["", "scaling"] + scalingTable.lines(indentation: 2) }
    if !probes.isEmpty { lines += [""] + ProbeSummary(probes).lines }
    return lines.joined(separator: "\n")
  }

  private var scalingTable: TextTable {
    var table = TextTable(
      heading: ["step", "answered/s", "ok/s", "failures", "p50", "p99", "p99.9", "max", "client", "limit"], notes: 1)
    for run in runs {
      table.add(
        [
          run.step, Figures.amount(run.requestsPerSecond), Figures.amount(run.finePerSecond),
          Figures.grouped(run.failures),
        ] + run.latency.shown([0.5, 0.99, 0.999, 1])
          + [Figures.percent(run.clientProcessorShare), run.limit.shortWords])
    }
    return table
  }
}

extension LoadRun {
  fileprivate var textLines: [String] {
    func labelled(_ label: String, _ value: String) -> [String] { LabelledLines.lines(label, value, indentation: 2) }
    let perSecond = "\(Figures.amount(requestsPerSecond)) a second, \(Figures.amount(finePerSecond)) of them ok"
    let received = seconds > 0 ? Double(bytesReceived) / seconds : 0
    var lines = labelled(
      "answered",
      "\(perSecond): \(Figures.grouped(answered)) of \(Figures.grouped(planned)) requests, \(Figures.grouped(failures)) failed"
    )
    lines += labelled(
      "received",
      "\(Figures.bytes(UInt64(min(received, 1e18))))/s over \(Figures.count(connectionsOpened, "connections"))")
    lines += labelled("client", clientWords)
    lines += labelled("limit", limitSentence)
    lines += [""] + latencyTable.lines(indentation: 2)
    if latency.isEmpty { lines.append("  \(emptiness)") }
    if !countsTable.isEmpty { lines += [""] + countsTable.lines(indentation: 2) }
    if !examples.isEmpty { lines += ["", "  examples"] + examples.flatMap(\.textLines) }
    return lines
  }

  private var latencyTable: TextTable {
    var table = TextTable(heading: ["", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"])
    let rows: [(name: String, histogram: LatencyHistogram)] = [
      ("latency", latency),
      // In a closed loop both are the same.
      ("from the send", service == latency ? LatencyHistogram() : service),
      ("client late by", lateness),
    ]
    for (name, histogram) in rows where !histogram.isEmpty || name == "latency" {
      let mean = histogram.isEmpty ? "-" : Figures.duration(nanoseconds: histogram.mean)
      table.add([name, mean] + histogram.shown([0.5, 0.9, 0.95, 0.99, 0.999, 1]))
    }
    return table
  }

  private var countsTable: TextTable {
    var table = TextTable(heading: ["answers", "count", "share", ""], notes: 1)
    for (kind, count, share) in frequentCounts {
      table.add([kind.words, Figures.grouped(count), Figures.percent(share), kind.mark])
    }
    return table
  }
}

extension LatencyHistogram {
  /// The quantiles as tables show them; `-` where nothing was recorded.
  func shown(_ shares: [Double]) -> [String] {
    shares.map { isEmpty ? "-" : Figures.duration(nanoseconds: quantile($0)) }
  }
}

extension Example {
  fileprivate var textLines: [String] {
    let what = "\(kind.words) after \(Figures.duration(milliseconds: afterMilliseconds)): \(explanation)"
    let body = bodyHexadecimal.isEmpty ? "" : " \(bodyHexadecimal)"
    let request = "\(method) \(target)\(body)".shortened(to: 52)
    let shown = statusLine.map { "'\($0)'" } ?? answerHexadecimal
    let answer = answerHexadecimal.isEmpty ? "no answer" : "answer \(shown)".shortened(to: 38)
    return what.plain.wrapped(to: LabelledLines.width - 4).map { "    " + $0 } + ["      \(request), \(answer)".plain]
  }
}
