import Testing

@testable import LoadReport

@Suite("Result as a page")
struct HTMLTests {
  /// Pages of all kinds of results, and of their comparisons.
  private static func pages(name: String = "before") -> [String] {
    var failedOnly = LoadRun(pace: .closedLoop, connections: 8, seconds: 3, planned: 9)
    failedOnly.counts = [.connectFailed: 9]
    failedOnly.timeline = [Second](repeating: Second(latency: LatencyHistogram(), failed: 3), count: 3)
    failedOnly.examples = [LoadSample.example(.connectFailed)]
    let results = [
      LoadSample.result(
        name: name, runs: [LoadSample.run(failures: [.timeout, .tryLater])], probes: LoadSample.probes),
      LoadSample.result(name: name, runs: [LoadSample.run(seconds: 1)]), LoadSample.sweep(name: name),
      LoadSample.result(name: name, runs: []),
      LoadSample.result(name: name, runs: [LoadSample.nothing]),
      LoadSample.result(name: name, runs: [failedOnly, LoadSample.nothing]),
    ]
    return results.map(\.html) + results.map { LoadComparison(before: results[2], after: $0).html }
  }

  @Test("every page is well-formed and needs nothing from elsewhere")
  func wellFormed() {
    for page in HTMLTests.pages() {
      #expect(WellFormedness.problem(in: page) == nil)
      // Addresses are text of the page and nowhere in an attribute.
      for part in ["<script", "<link", "<img", "<iframe", "src=", "href=", "@import", "url(", " on", "javascript:"] {
        let found = page.firstRange(of: part).map { page[$0.lowerBound...].prefix(40) }
        #expect(part == " on" ? !hasHandler(page) : found == nil, "\(part): \(found ?? "")")
      }
      #expect(page.contains("default-src &#39;none&#39;") && page.contains("prefers-color-scheme: dark"))
    }
  }

  /// An attribute such as onclick.
  private func hasHandler(_ page: String) -> Bool {
    page.split(separator: "<").contains { $0.prefix { $0 != ">" }.contains(" on") }
  }

  @Test("what comes from outside is shown and not obeyed")
  func escaping() {
    let attack = "</title><script>alert('1')</script>\"&amp;\u{0}\u{1B}\u{FFFE}"
    let escaped = "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;amp;\u{FFFD}\u{FFFD}\u{FFFD}"
    for page in HTMLTests.pages(name: attack) {
      #expect(WellFormedness.problem(in: page) == nil)
      #expect(page.contains(escaped) && !page.contains("<script") && !page.contains("alert('"))
    }
    var run = LoadSample.run(failures: [.httpStatus], limit: .client(attack))
    run.examples[0].explanation = attack
    run.examples[0].target = attack
    run.examples[0].method = attack
    run.examples[0].bodyHexadecimal = attack
    run.examples[0].answerHexadecimal = attack
    var probe = LoadSample.probes[0]
    probe.watches[0].url = attack
    probe.problem = attack
    var result = LoadSample.result(name: attack, url: attack, runs: [run, run], probes: [probe])
    result.version = attack
    result.machine = Machine(processors: 1, model: attack, memoryBytes: 1, kernel: attack, system: attack)
    result.settings = [LoadResult.Setting(name: attack, value: attack)]
    for page in [result.html, LoadComparison(before: result, after: LoadSample.sweep()).html] {
      #expect(WellFormedness.problem(in: page) == nil && !page.contains("<script") && page.contains(escaped))
    }
  }

  @Test("the checker of these tests finds what is not well-formed")
  func checker() {
    let bad = [
      "<html></html>", "<!DOCTYPE html>\n<html>", "<!DOCTYPE html>\n<a><b></a></b>", "<!DOCTYPE html>\n<a x=1></a>",
      "<!DOCTYPE html>\n<a x=\"1\" x=\"2\"></a>", "<!DOCTYPE html>\n<a>&nbsp;</a>", "<!DOCTYPE html>\n<a>&</a>",
      "<!DOCTYPE html>\n<a></a>b", "<!DOCTYPE html>\n<a", "<!DOCTYPE html>\n<a x=\"&\"/>",
    ]
    for page in bad { #expect(WellFormedness.problem(in: page) != nil, "\(page)") }
    #expect(WellFormedness.problem(in: "<!DOCTYPE html>\n<a x=\"1\"><b/>&amp;</a>\n") == nil)
  }

  @Test("each chart has a title, a description with figures, and axes with units")
  func alternatives() {
    let page = LoadSample.result(runs: [LoadSample.run(pace: .openLoop(requestsPerSecond: 400))]).html
    let titles = ["Latency by percentile", "Distribution of latency", "Throughput over time", "Latency over time"]
    for title in titles { #expect(page.contains("<title>\(title)</title>\n<desc>"), "\(title)") }
    #expect(page.split(separator: "role=\"img\"").count == titles.count + 1)
    for label in [
      "latency (logarithmic)", "requests a second", "seconds since the begin", "share of answered requests",
    ] {
      #expect(page.contains(">\(label)</text>"), "\(label)")
    }
    #expect(page.contains("half within 3") && page.contains("A point for each second") == false)
    for tick in ["99.9 %", "1 ms", "10 ms", "5"] { #expect(page.contains(">\(tick)</text>"), "\(tick)") }
    for name in ["planned", "answered", "p99", "from the actual send"] {
      #expect(page.contains("</svg>\n \(name)</li>"))
    }
  }

  @Test("a sweep has its scaling charts, and a comparison both curves in one")
  func scaling() {
    let page = LoadSample.sweep().html
    #expect(page.contains("<title>Throughput over planned requests a second</title>"))
    #expect(page.contains("<title>Latency over planned requests a second</title>"))
    #expect(page.contains("<summary>Run 4: open loop, 800 requests/s, at most 256 connections, 4.0 s</summary>"))
    let connections = [1, 2, 4].map { LoadSample.run(connections: $0, seconds: 1, perSecond: 100 * $0) }
    #expect(LoadSample.result(runs: connections).html.contains("<title>Throughput over connections</title>"))
    let comparison = LoadComparison(
      before: LoadSample.sweep(), after: LoadSample.sweep(name: "after", typical: 200_000)
    ).html
    for name in ["before: p99", "after: p99", "before: answered ok", "after: answered ok", "before", "after"] {
      #expect(comparison.contains("</svg>\n \(name)</li>"), "\(name)")
    }
    #expect(
      !LoadSample.result(runs: [LoadSample.run(), LoadSample.run()]).html.contains("<title>Throughput over connections")
    )
  }

  @Test("where there is nothing to draw a sentence says so")
  func nothing() {
    let page = LoadSample.result(runs: [LoadSample.nothing]).html
    #expect(
      page.split(separator: "Nothing to draw: no request was answered.").count == 5 && !page.contains("role=\"img\""))
    #expect(LoadSample.result(runs: []).html.contains("No run was measured."))
  }

  @Test("a long run is drawn with several seconds in each point, and its shred of a last second is left out")
  func longRun() throws {
    var run = LoadRun(pace: .closedLoop, connections: 1, seconds: 3599.1, planned: 0)
    run.timeline = (0..<3600).map { second in
      Second(
        answered: second == 3599 ? 1 : 10, failed: 0, p50Nanoseconds: 1000, p99Nanoseconds: second == 77 ? 9000 : 2000,
        maximumNanoseconds: 9999)
    }
    let charts = TimelineCharts(run)
    guard case .line(let rates) = try #require(charts.throughput.series.first).marks else { return }
    #expect(rates.count == 600 && rates[0] == Chart.Point(x: 3, y: 10) && abs(rates[599].y - 10) < 0.1)
    guard case .line(let latencies) = charts.latency.series[1].marks else { return }
    #expect(latencies[12].y == 9000 && latencies[11].y == 2000)
    run.seconds = 10.1
    run.timeline = Array(run.timeline.prefix(11))
    guard case .line(let points) = TimelineCharts(run).throughput.series[0].marks else { return }
    #expect(points.count == 10)
  }
}
