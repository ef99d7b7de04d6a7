import CalendarTime

extension LoadComparison {
  static let scalingHeading = [
    "step", "ok/s before", "after", "ratio", "p99 before", "after", "ratio", "failures before", "after",
  ]

  /// Before, after and their ratio for each step that both have.
  var scalingRows: [[String]] {
    pairs.map { pair in
      let areBoth = !pair.before.latency.isEmpty && !pair.after.latency.isEmpty
      let (p99, laterP99) = (pair.before.latency.quantile(0.99), pair.after.latency.quantile(0.99))
      return [
        pair.before.step, Figures.amount(pair.before.finePerSecond), Figures.amount(pair.after.finePerSecond),
        RunPair.ratio(pair.before.finePerSecond, pair.after.finePerSecond), pair.before.latency.shown([0.99])[0],
        pair.after.latency.shown([0.99])[0], areBoth ? RunPair.ratio(Double(p99), Double(laterP99)) : "-",
        Figures.grouped(pair.before.failures), Figures.grouped(pair.after.failures),
      ]
    }
  }

  /// The comparison as a terminal shows it: at most 100 columns, save where a name is longer.
  public var text: String {
    var lines: [String] = []
    for (label, result) in [("before", before), ("after", after)] {
      lines += LabelledLines.lines(label, "\(result.name) (\(result.startedAt.iso8601), avouch \(result.version))")
    }
    for (index, sentence) in circumstances.enumerated() {
      lines += LabelledLines.lines(index == 0 ? "not the same" : "", sentence)
    }
    if pairs.isEmpty { lines += ["", "No run of one has a counterpart of the same rate or connections in the other."] }
    for pair in pairs {
      lines += ["", pair.before.paceWords]
      var table = TextTable(heading: RunPair.Row.heading)
      for row in pair.rows { table.add(row.cells) }
      lines += table.lines(indentation: 2) + [""]
      lines += pair.sentences.flatMap { $0.plain.wrapped(to: LabelledLines.width - 2).map { "  " + $0 } }
    }
    if pairs.count > 1 {
      var table = TextTable(heading: LoadComparison.scalingHeading)
      for row in scalingRows { table.add(row) }
      lines += ["", "scaling"] + table.lines(indentation: 2)
    }
    if !leftOver.isEmpty { lines += [""] + leftOver.flatMap { $0.wrapped(to: LabelledLines.width) } }
    if !pairs.isEmpty { lines += [""] + LoadComparison.method.wrapped(to: LabelledLines.width) }
    return lines.joined(separator: "\n")
  }
}
