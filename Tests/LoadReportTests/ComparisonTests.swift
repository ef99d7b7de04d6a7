import TestSupport
import Testing

@testable import LoadReport

@Suite("Comparison of two results")
struct ComparisonTests {
  @Test("rows say before, after, ratio and difference, and the words agree with them")
  func onePair() throws {
    let before = LoadSample.result(runs: [LoadSample.run(seconds: 20)])
    let faster = LoadSample.run(seconds: 20, perSecond: 500, typical: 200_000, seed: 7, failures: [.timeout])
    let comparison = LoadComparison(before: before, after: LoadSample.result(name: "after", runs: [faster]))
    let pair = try #require(comparison.pairs.first)
    func row(_ name: String) throws -> RunPair.Row { try #require(pair.rows.first { $0.name == name }) }
    #expect(try row("answered/s").cells.dropFirst().map { $0 } == ["399", "499", "1.251", "+100"])
    #expect(try row("failures").cells == ["failures", "0", "1", "-", "+1"])
    #expect(try row("p50").difference.hasPrefix("-1") && row("p50").ratio.hasPrefix("0.6"))
    #expect(try row("client busy").cells == ["client busy", "34.0 %", "34.0 %", "1.000", "0"])
    #expect(pair.sentences[0].hasPrefix("Throughput: 25.1 % higher after (ratio 1.25"))
    #expect(pair.sentences[1].hasPrefix("Latency (p50): 33.5 % shorter after (ratio 0.66"))
    let text = comparison.text
    #expect(
      text.contains(
        "\n                before    after  ratio  difference\n  answered/s       399      499  1.251        +100\n"))
    #expect(text.contains("before       before (2026-04-04T03:06:30Z, avouch 1.1.0)\nafter        after ("))
    #expect(!text.contains("not the same") && !text.contains("scaling"))
  }

  @Test("a result compared with itself has no difference, and says so")
  func same() {
    let result = LoadSample.result(runs: [LoadSample.run(seconds: 12)])
    let pair = LoadComparison(before: result, after: result).pairs[0]
    for row in pair.rows where row.ratio != "-" { #expect(row.ratio == "1.000" && row.difference == "0") }
    for sentence in pair.sentences {
      #expect(sentence.contains(": no difference beyond the noise (ratio 1.000"), "\(sentence)")
    }
  }

  @Test("sweeps are matched by rate or connections, and what has no counterpart is named")
  func matching() {
    func run(_ rate: Double, seed: UInt64 = 1) -> LoadRun {
      LoadSample.run(pace: .openLoop(requestsPerSecond: rate), seconds: 1, perSecond: 50, seed: seed)
    }
    func loop(_ connections: Int) -> LoadRun { LoadSample.run(connections: connections, seconds: 1, perSecond: 50) }
    let before = LoadSample.result(runs: [run(100), run(200), run(200, seed: 2), loop(4), loop(64)])
    let after = LoadSample.result(runs: [loop(64), run(400), run(200, seed: 3), run(200, seed: 4)])
    let comparison = LoadComparison(before: before, after: after)
    #expect(comparison.pairs.map(\.before) == [before.runs[1], before.runs[2], before.runs[4]])
    #expect(comparison.pairs.map(\.after) == [after.runs[2], after.runs[3], after.runs[0]])
    #expect(comparison.leftOver == ["Only before: 100/s, 4 connections.", "Only after: 400/s."])
    #expect(comparison.scalingRows.map { $0[0] } == ["200/s", "200/s", "64 connections"])
    #expect(comparison.text.contains("\nscaling\n  step            ok/s before  after  ratio  p99 before"))
    #expect(comparison.text.contains("\nOnly before: 100/s, 4 connections.\nOnly after: 400/s.\n"))
  }

  @Test("results without a run in common are told apart from equal ones")
  func nothingInCommon() {
    let comparison = LoadComparison(
      before: LoadSample.result(runs: [LoadSample.run(connections: 1, seconds: 1)]),
      after: LoadSample.result(runs: [LoadSample.run(connections: 2, seconds: 1)]))
    let sentence = "No run of one has a counterpart of the same rate or connections in the other."
    #expect(comparison.pairs.isEmpty && comparison.text.contains(sentence) && comparison.html.contains(sentence))
    #expect(comparison.text.contains("Only before: 1 connection.\nOnly after: 2 connections."))
    let empty = LoadSample.result(runs: [])
    #expect(LoadComparison(before: empty, after: empty).text.contains(sentence))
  }

  @Test("what was asked for otherwise is named, since the difference may come from there")
  func circumstances() {
    let before = LoadSample.result(runs: [])
    var after = before
    after.url = "http://127.0.0.1:9090/"
    after.settings[0].value = "get"
    after.settings.append(LoadResult.Setting(name: "nonce", value: "10%"))
    after.version = "1.2.0"
    let comparison = LoadComparison(before: before, after: after)
    #expect(
      comparison.circumstances == [
        "url: http://127.0.0.1:8080/ before, http://127.0.0.1:9090/ after", "avouch: 1.1.0 before, 1.2.0 after",
        "method: get:70,post:30 before, get after", "nonce: not given before, 10% after",
      ])
    #expect(LoadComparison(before: before, after: before).circumstances.isEmpty)
    #expect(comparison.text.contains("\nnot the same url: http"))
  }

  @Test("where both reached their rate throughput is not compared, and a client at its limit is named")
  func limits() {
    func pair(_ before: Limit, _ after: Limit) -> RunPair {
      let pace = Pace.openLoop(requestsPerSecond: 400)
      return RunPair(
        before: LoadSample.run(pace: pace, seconds: 6, limit: before),
        after: LoadSample.run(pace: pace, seconds: 6, seed: 2, limit: after))
    }
    #expect(pair(.rate, .rate).sentences[0].hasPrefix("Throughput: both reached the rate"))
    #expect(pair(.rate, .server).sentences[0].hasPrefix("Throughput: no difference beyond the noise"))
    #expect(
      pair(.rate, .client("busy")).sentences.last
        == "The client was the limit after (busy): throughput says little about the server.")
  }

  @Test("nothing answered on one side or on both gives no ratio and no verdict")
  func nothing() {
    var failed = LoadSample.nothing
    failed.connections = 64
    failed.counts = [.connectFailed: 5]
    for pair in [
      RunPair(before: LoadSample.nothing, after: LoadSample.nothing), RunPair(before: failed, after: LoadSample.run()),
      RunPair(before: LoadSample.run(), after: failed),
    ] {
      for row in pair.rows where row.name.hasPrefix("p") || row.name == "mean" || row.name == "max" {
        #expect(row.ratio == "-" && row.difference == "-")
      }
      let said = (pair.sentences + pair.rows.flatMap(\.cells)).joined(separator: " ")
      #expect(!said.contains("nan") && !said.contains("inf") && said.contains("too few seconds"))
    }
  }

  @Test("the share of false alarms is about the promised twentieth, also where seconds resemble each other")
  func falseAlarms() throws {
    for resemblance in [0.0, 0.5] {
      var numbers = SeededGenerator(seed: 42)
      func series() -> [Double] {
        var drift = 0.0
        return (0..<30).map { _ in
          // The sum of twelve is close to a normal distribution.
          let noise = (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0...1, using: &numbers) }
          drift = resemblance * drift + noise
          return 1000 + 50 * drift
        }
      }
      var alarms = 0
      let rounds = 400
      for _ in 0..<rounds {
        let seconds = try #require(SecondBySecond(before: series(), after: series()))
        if !seconds.range.contains(1) { alarms += 1 }
      }
      // With a correlation that has to be estimated from 30 values the promise is kept roughly.
      #expect((rounds / 100...rounds / 8).contains(alarms), "\(alarms) of \(rounds) at \(resemblance)")
    }
  }

  @Test("a difference well beyond the noise is found, one below a hundredth is not claimed")
  func verdicts() throws {
    let quiet = [1000.0, 1001, 999, 1000, 1002, 998]
    func verdict(_ factor: Double) -> SecondBySecond.Verdict? {
      SecondBySecond(before: quiet, after: quiet.map { $0 * factor })?.verdict
    }
    #expect(verdict(1.05) == .more && verdict(0.95) == .less && verdict(1.005) == .same && verdict(1) == .same)
    let loud = [500.0, 1500, 700, 1300, 1000, 1000]
    #expect(SecondBySecond(before: loud, after: loud.map { $0 * 1.05 })?.verdict == .same)
    #expect(SecondBySecond(before: [5, 5, 5, 5, 5], after: [6, 6, 6, 6, 6])?.range == 1.2...1.2)
  }

  @Test("too few seconds, or seconds without answers, give no ratio")
  func tooFew() {
    let enough = [1.0, 2, 3, 4, 5]
    #expect(SecondBySecond(before: [1, 2, 3, 4], after: enough) == nil)
    #expect(SecondBySecond(before: enough, after: []) == nil)
    #expect(SecondBySecond(before: [0, 0, 0, 0, 0], after: enough) == nil)
    #expect(SecondBySecond(before: enough, after: [0, 0, 0, 0, 0]) == nil)
    let huge = [Double](repeating: .greatestFiniteMagnitude, count: 5)
    #expect(SecondBySecond(before: enough, after: huge) == nil, "sums overflow")
  }
}
