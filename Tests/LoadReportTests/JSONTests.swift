import CalendarTime
import Testing

@testable import LoadReport

@Suite("Result as JSON")
struct JSONTests {
  private func read(_ text: String) throws(LoadResultError) -> LoadResult {
    try LoadResult(json: Array(text.utf8), file: "result.json")
  }

  /// What reading says of a text.
  private func refusal(_ text: String) -> String? {
    do throws(LoadResultError) {
      _ = try read(text)
      return nil
    } catch {
      return error.description
    }
  }

  @Test("what is written is read back equal")
  func roundTrip() throws {
    var strange = LoadSample.run(
      failures: [.timeout, .badSignature], limit: .client("one processor was busy \"all\" the time"))
    strange.latency.record(nanoseconds: 1 << 62)
    strange.counts[.notSent] = .max
    strange.clientProcessorSeconds = 1.0 / 3
    let names = ["plain", "\"quoted\" \\ back", "line\nend\ttab\u{1}\u{7F}", "Zürich 𝄞 日本", "</script><script>"]
    for name in names {
      var probe = LoadSample.probes[0]
      probe.problem = name
      let results = [
        LoadSample.result(
          name: name, url: name, runs: [strange, LoadSample.nothing], probes: LoadSample.probes + [probe]),
        LoadSample.result(name: name, runs: []), LoadSample.sweep(),
      ]
      for result in results { #expect(try read(result.json) == result) }
    }
  }

  @Test("members that other tools read are there, and say what the buckets say")
  func derived() throws {
    let run = LoadSample.run(failures: [.timeout])
    let text = LoadSample.result(runs: [run]).json
    #expect(text.hasPrefix("{\n \"format\": \"avouch-load-1\",\n \"name\": \"before\","))
    let expected = [
      "\"requestsPerSecond\": \(Double(run.answered) / 5)", "\"okPerSecond\": \(Double(run.fine) / 5)",
      "\"failures\": 1",
      "\"p999Nanoseconds\": \(run.latency.quantile(0.999))", "\"maxNanoseconds\": \(run.latency.maximum)",
      "\"startedAt\": \"2026-04-04T03:06:30Z\"", "\"timeout\": 1", "\"pace\": \"closedLoop\"",
    ]
    for part in expected { #expect(text.contains(part), "\(part)") }
  }

  @Test("a file that was cut short anywhere is refused, with its name and the place")
  func truncated() throws {
    let whole = Array(
      LoadSample.result(runs: [LoadSample.run(seconds: 2, perSecond: 50)], probes: LoadSample.probes).json.utf8)
    // The last octet is the line's end.
    for length in stride(from: 0, to: whole.count - 1, by: 37) {
      do throws(LoadResultError) {
        _ = try LoadResult(json: Array(whole[..<length]), file: "cut.json")
        Issue.record("\(length) octets of \(whole.count) were read")
      } catch {
        #expect(error.description.hasPrefix("cut.json: line "), "\(error)")
        #expect(error.description.contains("the file ends here"), "\(error)")
      }
    }
  }

  @Test("a file of another format is refused with what it is and what is expected")
  func otherFormats() {
    let text = LoadSample.result(runs: []).json
    #expect(
      refusal(text.replacing("avouch-load-1", with: "avouch-load-2"))
        == "result.json: format: 'avouch-load-2' is not read by this version, which reads 'avouch-load-1'")
    #expect(refusal("{}") == "result.json: no result of avouch load: the member 'format' is missing")
    #expect(refusal("[1]") == "result.json: an object is expected, and here is a list")
    #expect(refusal("") == "result.json: line 1, column 1: the file ends here, and a JSON value is expected")
    #expect(refusal("HTTP") == "result.json: line 1, column 1: a JSON value is expected")
  }

  @Test("a value that cannot be is refused with the way to it")
  func places() {
    let text = LoadSample.result(
      runs: [LoadSample.nothing, LoadSample.run(failures: [.timeout])], probes: LoadSample.probes
    ).json
    let cases: [(String, String, String)] = [
      ("\"processors\": 4", "\"processors\": 4.5", "machine.processors: 4.5 is no whole number from 0 to"),
      ("\"processors\": 4", "\"processors\": -4", "machine.processors: -4 is no whole number from 0 to"),
      ("\"processors\": 4", "\"processors\": \"4\"", "machine.processors: a number is expected, and here is a text"),
      ("\"processors\": 4, ", "", "machine: the member 'processors' is missing"),
      ("\"seconds\": 5.0", "\"seconds\": 1e999", "runs[1].seconds: 1e999 is no number from 0 on"),
      ("\"pace\": \"closedLoop\"", "\"pace\": \"loop\"", "runs[0].pace: 'loop' is neither openLoop nor closedLoop"),
      (
        "\"limit\": \"none\"", "\"limit\": \"sky\"",
        "runs[0].limit: 'sky' is none of server, client, rate, failures and none"
      ),
      ("\"timeout\": 1", "\"tired\": 1", "runs[1].counts.tired: this version knows no such kind of answer"),
      (
        "\"kind\": \"timeout\"", "\"kind\": \"x\"", "runs[1].examples[0].kind: this version knows no kind of answer 'x'"
      ),
      ("2026-04-04T03:06:30Z", "yesterday", "startedAt: 'yesterday' is no time such as 2026-04-04T03:06:40Z"),
      (
        "\"buckets\": []", "\"buckets\": [[5, 1]]",
        "runs[0].latency: count, sum, minimum, maximum and buckets contradict"
      ),
      ("\"buckets\": []", "\"buckets\": [[5]]", "runs[0].latency.buckets[0]: [least nanoseconds, count] is expected"),
      ("\"serial\": \"03\"", "\"serial\": 3", "probes[2].serial: a text is expected, and here is a number"),
    ]
    for (found, replacement, expected) in cases {
      #expect(text.contains(found), "\(found)")
      let told = refusal(text.replacing(found, with: replacement, maxReplacements: 1)) ?? "it was read"
      #expect(told.hasPrefix("result.json: " + expected), "\(told)")
    }
  }

  @Test("members that a later version adds are passed over")
  func laterMembers() throws {
    let result = LoadSample.result(runs: [LoadSample.nothing])
    let text = result.json.replacing(
      "\"name\": \"before\"", with: "\"mood\": [{\"x\": null}, true], \"name\": \"before\"")
    #expect(try read(text) == result)
  }

  @Test(
    "what is no JSON is refused",
    arguments: [
      "{", "}", "[1,]", "[1 2]", "{\"a\" 1}", "{\"a\": 1,}", "{a: 1}", "{\"a\": 1, \"a\": 2}", "[01]", "[1.]", "[.5]",
      "[+1]",
      "[1e]", "[-]", "[nul]", "[True]", "[\"a]", "[\"\\x\"]", "[\"\\u12\"]", "[\"\\ud834\"]", "[\"\\udd1e\"]",
      "[\"\\ud834\\u0041\"]", "[\"a\nb\"]", "[] []", "// comment\n[]", "\u{FEFF}[]",
      String(repeating: "[", count: 100_000),
    ])
  func noJSON(text: String) {
    #expect(throws: LoadResultError.self) { try JSONParser.parse(Array(text.utf8), file: "x") }
  }

  @Test("octets that are not UTF-8 are refused")
  func notUTF8() {
    for octets: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] {
      #expect(throws: LoadResultError.self) { try JSONParser.parse([0x22] + octets + [0x22], file: "x") }
    }
  }

  @Test("every escape is read, and every character is written so that it is read back")
  func escapes() throws {
    let escaped = #""\"\\\/\b\f\n\r\tAé\u00e9\u00E9\ud834\udd1e""#
    #expect(
      try JSONParser.parse(Array(escaped.utf8), file: "x") == .text("\"\\/\u{8}\u{C}\n\r\tAé\u{E9}\u{E9}\u{1D11E}"))
    for value in UInt32(0)..<0x300 {
      let element = JSONElement.text(String(try #require(Unicode.Scalar(value))))
      #expect(try JSONParser.parse(Array(element.fileText.utf8), file: "x") == element)
    }
  }

  @Test("numbers keep every digit, and what JSON has no number for is null")
  func numbers() throws {
    for digits in ["0", "-0", "18446744073709551615", "1e5", "-1.25E-3", "0.1"] {
      #expect(try JSONParser.parse(Array(digits.utf8), file: "x") == .number(digits))
    }
    #expect(JSONElement.real(.nan) == .null && JSONElement.real(.infinity) == .null && JSONElement.real(nil) == .null)
    #expect(JSONElement.real(1e300) == .number("1e+300"))
  }
}
