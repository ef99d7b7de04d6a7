import CalendarTime

extension LoadComparison {
  /// The comparison as one page that needs nothing else: both curves in each chart.
  public var html: String {
    let title = "Load tests: \(before.name) and \(after.name)"
    var body = [Markup.element("h1", text: title)]
    for (label, result) in [("Before", before), ("After", after)] {
      let when = "\(result.startedAt.iso8601), by avouch \(result.version)"
      body.append(PageParts.paragraph("\(label): \(result.name), \(result.url), \(when)", faint: true))
    }
    if !circumstances.isEmpty {
      body.append(
        PageParts.section("Not the same in both", [.element("ul", [:], circumstances.map { .element("li", text: $0) })])
      )
    }
    if pairs.isEmpty {
      body.append(PageParts.paragraph("No run of one has a counterpart of the same rate or connections in the other."))
    }
    let scaling = ScalingCharts.charts([("before", before.runs), ("after", after.runs)])
    if pairs.count > 1 || !scaling.isEmpty {
      let table = pairs.isEmpty ? [] : [PageParts.table(heading: LoadComparison.scalingHeading, scalingRows)]
      body.append(PageParts.section("Scaling", [PageParts.charts(scaling)] + table))
    }
    body += pairs.map { pair in PageParts.section(pair.before.paceWords.firstUppercased, content(pair)) }
    body += leftOver.map { PageParts.paragraph($0) }
    body.append(.element("footer", [:], [PageParts.paragraph(LoadComparison.method)]))
    return Markup.page(title: title, style: StyleSheet.text, body: body)
  }

  private func content(_ pair: RunPair) -> [Markup] {
    let both: [LatencyCharts.Named] = [("before", pair.before.latency), ("after", pair.after.latency)]
    return [
      .element("ul", [:], pair.sentences.map { .element("li", text: $0) }),
      PageParts.charts([
        LatencyCharts.percentiles(title: "Latency by percentile", both),
        LatencyCharts.frequencies(title: "Distribution of latency", both),
      ]), PageParts.table(heading: RunPair.Row.heading, pair.rows.map(\.cells)),
    ]
  }
}
