import Testing

@testable import LoadReport

@Suite("Result as text")
struct TextTests {
  @Test("one run says rates, percentiles, kinds with failures marked, the limit, examples and probes")
  func oneRun() {
    let run = LoadSample.run(
      pace: .openLoop(requestsPerSecond: 400), connections: 256, failures: [.timeout, .tryLater],
      limit: .client("its thread was busy all the time"))
    let text = LoadSample.result(runs: [run], probes: LoadSample.probes).text
    let expected = [
      "name         before\nurl          http://127.0.0.1:8080/\nstarted      2026-04-04T03:06:30Z, avouch 1.1.0\n",
      "machine      4 processors (Example 9000), 7.75 GiB, Debian GNU/Linux 12 (bookworm), kernel\n             6.1.0-18",
      "settings     method get:70,post:30; hash sha1; serials 10,000,000 of index.txt, uniform, seed 1;\n             conn",
      "\nopen loop, 400 requests/s, at most 256 connections, 5.0 s\n",
      "\n  answered     \(Figures.amount(run.requestsPerSecond)) a second",
      "\n  client       1 thread, 34.0 % busy\n",
      "\n  limit        The client was the limit (its thread was busy all the time): the server may be able",
      "\n                     mean      p50      p90      p95      p99    p99.9      max\n  latency  ",
      "\n  from the send   ", "\n  client late by  ",
      "\n  tryLater       1   0.1 %  refused\n  timed out      1   0.1 %  FAILURE\n",
      "\n    timed out after 1.20 s: HTTP 500, and 200 is expected\n",
      "\n      GET /MEIwQDA+MDwwOjAJBgUrDgMCGgUABBT1, answer 'HTTP/1.1 500'\n",
      "\nafter a revocation was sent              p50      p90      p99      max  seen\n",
      "\nacknowledged                         2.50 ms  2.50 ms  2.50 ms  2.50 ms  20 of 20 probes\n",
      "19 of 20 probes  MISSING\n", "10 of 20 probes",
    ]
    for part in expected { #expect(text.contains(part), "\(part)\n--- is not in\n\(text)") }
    #expect(!text.hasSuffix("\n"))
  }

  @Test("a closed loop has one line of latency, since both are the same")
  func closedLoop() {
    var run = LoadSample.run()
    run.service = run.latency
    let text = LoadSample.result(name: "http://127.0.0.1:8080/", runs: [run]).text
    #expect(text.contains("\nclosed loop, 64 connections, 5.0 s\n"))
    #expect(!text.contains("from the send") && !text.contains("client late by") && !text.contains("FAILURE"))
    #expect(!text.contains("\nurl"), "the name says it")
  }

  @Test("a sweep ends with a table of its steps, in columns that stand under their headings")
  func sweep() throws {
    let lines = LoadSample.sweep().text.split(separator: "\n", omittingEmptySubsequences: false)
    let place = try #require(lines.firstIndex(of: "scaling"))
    let table = lines[(place + 1)...]
    #expect(table.count == 5)
    let heading = try #require(table.first)
    #expect(heading.hasPrefix("  step   answered/s  ok/s  failures  "))
    for row in table.dropFirst() {
      for column in ["answered/s", "ok/s", "failures", "p50", "p99.9", "max", "client"] {
        let range = try #require(heading.firstRange(of: column))
        let end = heading.distance(from: heading.startIndex, to: range.upperBound)
        let cell = row.prefix(end)
        #expect(cell.last != " " && row.dropFirst(end).first == " ", "\(column) in \(row)")
      }
    }
    #expect(table.last?.hasSuffix("  server") == true && table.dropFirst().first?.hasSuffix("  rate") == true)
    #expect(lines.contains("run 4 of 4: open loop, 800 requests/s, at most 256 connections, 4.0 s"))
  }

  @Test("no line is longer than a hundred columns or ends in blanks")
  func width() {
    var busy = LoadSample.run(
      pace: .openLoop(requestsPerSecond: 1_250_000), connections: 65_536, failures: AnswerKind.allCases)
    busy.counts = busy.counts.mapValues { $0 * 10_000 }
    for index in busy.examples.indices {
      busy.examples[index].target = String(repeating: "Az09", count: 100)
      busy.examples[index].bodyHexadecimal = String(repeating: "0a", count: 100)
    }
    let results = [
      LoadSample.sweep(), LoadSample.result(runs: [busy, busy, LoadSample.nothing], probes: LoadSample.probes),
      LoadSample.result(runs: []),
    ]
    var texts = results.map(\.text)
    for result in results { texts.append(LoadComparison(before: results[0], after: result).text) }
    for line in texts.flatMap({ $0.split(separator: "\n") }) {
      #expect(line.count <= 100 && line.last != " ", "\(line)")
    }
  }

  @Test("where nothing was answered nothing is divided by it")
  func nothing() {
    let text = LoadSample.result(runs: [LoadSample.nothing]).text
    #expect(text.contains("answered     0 a second, 0 of them ok: 0 of 0 requests, 0 failed"))
    #expect(text.contains("latency     -    -    -    -    -      -    -\n  nothing was answered"))
    #expect(text.contains("limit        No limit can be named: nothing was answered."))
    #expect(LoadSample.result(runs: []).text.hasSuffix("\n\nno run was measured"))
  }

  @Test("answers that were all wrong are not told as none")
  func wrong() throws {
    var run = LoadRun(pace: .closedLoop, connections: 4, seconds: 1, planned: 1200)
    run.counts = [.wrongCertID: 1200]
    run.limit = .failures
    run.examples = [
      Example(
        kind: .wrongCertID, afterMilliseconds: 1, method: "GET", target: "/MA==", bodyHexadecimal: "",
        answerHexadecimal: "485454502f312e3120323030204f4b0d0a0d0a30", explanation: "another certificate")
    ]
    let result = LoadSample.result(runs: [run])
    #expect(result.text.contains("all 1200 answers that came were wrong: see their kinds"))
    #expect(result.text.contains("No limit can be named: 1200 of 1200 requests failed, and not by taking too"))
    #expect(result.text.contains("GET /MA==, answer 'HTTP/1.1 200 OK'"))
    run.examples[0].answerHexadecimal = "30030a0100"
    #expect(LoadSample.result(runs: [run]).text.contains("GET /MA==, answer 30030a0100"), "a body is no status line")
    #expect(result.html.contains("all 1200 answers that came were wrong"))
    #expect(try LoadResult(json: Array(result.json.utf8), file: "sample").runs[0].limit == .failures)
  }

  @Test("what comes from outside cannot steer the terminal")
  func escapes() {
    var run = LoadSample.run(failures: [.notHTTP])
    run.examples[0].explanation = "\u{1B}[2Jgone\r\n\u{9B}31m\u{202E}"
    run.examples[0].target = "/\u{7}\u{2028}"
    run.limit = .client("\u{1B}]0;title\u{7}")
    var probe = LoadSample.probes[0]
    probe.problem = "\u{1B}c"
    probe.watches[0].url = "http://\u{1B}[1m/"
    let result = LoadSample.result(name: "\u{1B}[31mred", url: "x\ny", runs: [run], probes: [probe])
    for text in [result.text, LoadComparison(before: result, after: result).text] {
      let controls = text.unicodeScalars.filter { $0.value != 0x0A && $0.properties.generalCategory == .control }
      #expect(controls.isEmpty && !text.contains("\u{202E}") && !text.contains("\u{2028}"))
      #expect(text.contains("?[31mred") && text.contains("x?y") == text.hasPrefix("name"))
    }
  }

  @Test("tables align by characters, not by octets")
  func alignment() {
    var table = TextTable(heading: ["name", "value", "note"], notes: 1)
    table.add(["é", "1 µs", "a"])
    table.add(["long name", "100 µs", ""])
    #expect(table.lines(indentation: 1) == [" name        value  note", " é            1 µs  a", " long name  100 µs"])
  }

  @Test("long text is split at blanks, and a word is never split")
  func wrapping() {
    #expect("one two three".wrapped(to: 7) == ["one two", "three"])
    #expect("a-very-long-word b".wrapped(to: 5) == ["a-very-long-word", "b"])
    #expect("".wrapped(to: 5).isEmpty)
    #expect("abcdef".shortened(to: 4) == "abc…" && "abcd".shortened(to: 4) == "abcd")
  }
}
