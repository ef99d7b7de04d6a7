import Metrics
import Testing

@Suite("Exposition text")
struct ExpositionTextTests {
  @Test("a counter and a gauge are written as the format says, octet by octet")
  func plain() {
    var page = ExpositionText()
    page.add("avouch_signatures_total", .counter, help: "Signatures made.", UInt64.max)
    page.add("avouch_connections", .gauge, help: "Open connections.", 0)
    #expect(
      page.text == """
        # HELP avouch_signatures_total Signatures made.
        # TYPE avouch_signatures_total counter
        avouch_signatures_total 18446744073709551615
        # HELP avouch_connections Open connections.
        # TYPE avouch_connections gauge
        avouch_connections 0

        """)
  }

  @Test("a label has a sample for each of its values, under one head")
  func labelled() throws {
    var page = ExpositionText()
    page.add("a_total", .counter, help: "A.", label: "kind", [("x", 1), ("y", 2)])
    page.add("b", .gauge, help: "B.", label: "kind", [])
    #expect(
      page.text == """
        # HELP a_total A.
        # TYPE a_total counter
        a_total{kind="x"} 1
        a_total{kind="y"} 2
        # HELP b B.
        # TYPE b gauge

        """)
    #expect(try Exposition(page.text).families.map(\.samples.count) == [2, 0])
  }

  @Test(
    "a label value comes back as it was, whatever it holds",
    arguments: [
      "", "plain", "\\", "\"", "\n", "\r", "\r\n", "\\n", "a\\\"b\n\"", "}", "{", ",", "=", " ", "\u{00E9}", "\u{0}",
      // One `Character` each: an escape that looks for characters does not see the quote, the backslash, the line end.
      "\"\u{0301}", "\\\u{0301}", "a\r\nb 1\r\n", "\u{1F468}\u{200D}\u{1F469}",
    ])
  func escaping(value: String) throws {
    var page = ExpositionText()
    page.add("a", .gauge, help: "A.", label: "kind", [(value, 7), ("other" + value, 8)])
    let samples = try #require(try Exposition(page.text)["a"]).samples
    #expect(
      samples.map { Array(($0.labels["kind"] ?? "?").utf8) } == [Array(value.utf8), Array(("other" + value).utf8)])
    #expect(samples.map(\.value) == ["7", "8"])
  }

  @Test("an empty page is empty")
  func empty() throws {
    let page = ExpositionText()
    let families = try Exposition(page.text).families
    #expect(page.text == "" && families.isEmpty)
  }

  @Test(
    "the tests' own reader refuses what Prometheus refuses",
    arguments: [
      "a 1", "a 1\n", "# HELP a A.\n", "# TYPE a gauge\na 1\n", "# HELP a A.\n# TYPE b gauge\n",
      "# HELP a A.\n# TYPE a gauge\nb 1\n", "# HELP a A.\n# TYPE a gauge\na{x=\"\"\"} 1\n",
      "# HELP a A.\n# TYPE a gauge\na{x=\"\\q\"} 1\n", "# HELP a A.\n# TYPE a gauge\na{x=\"1\"} 1\na{x=\"1\"} 2\n",
      "# HELP a A.\n# TYPE a gauge\na one\n", "# HELP 1a A.\n# TYPE 1a gauge\n", "# HELP a A.\n# TYPE a gauge\n\na 1\n",
      "# HELP a A.\n# TYPE a gauge\n# HELP a A.\n# TYPE a gauge\n",
    ])
  func strictReader(text: String) {
    #expect(throws: Exposition.Refusal.self) { try Exposition(text) }
  }
}
