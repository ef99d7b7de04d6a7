import Testing

@testable import LoadReport

@Suite("Axes of charts")
struct AxisTests {
  @Test("linear axes begin at 0 and end at a round number that is not below the greatest value")
  func linear() {
    let known: [(Double, [String])] = [
      (1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]), (454, ["0", "100", "200", "300", "400", "500"]),
      (24, ["0", "5", "10", "15", "20", "25"]), (0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
      (1_200_000, ["0", "200,000", "400,000", "600,000", "800,000", "1,000,000", "1,200,000"]),
    ]
    for (greatest, texts) in known { #expect(Axis.linear("x", upTo: greatest).ticks.map(\.text) == texts) }
    #expect(Axis.linear("x", upTo: 20, isTight: true).ticks.last?.text == "20")
    let tight = Axis.linear("x", upTo: 19, isTight: true)
    #expect(tight.ticks.last?.text == "15" && tight.position(of: 19) == 1)
  }

  @Test("latencies have ticks at 1, 2 and 5 of each unit, or at powers of ten where these are too many")
  func latencies() {
    let near = Axis.latency("latency", of: [230_000, 37_400_000])
    #expect(near.ticks.map(\.text) == ["200 µs", "500 µs", "1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms"])
    #expect(near.position(of: 200_000) == 0 && near.position(of: 50_000_000) == 1)
    #expect(abs(near.position(of: 10_000_000) - Logarithm.decimal(50) / Logarithm.decimal(250)) < 1e-9)
    let far = Axis.latency("latency", of: [900, 3_000_000_000])
    #expect(far.ticks.map(\.text) == ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"])
    #expect(far.position(of: 500) == 0 && far.position(of: 5_000_000_000) == 1)
    for nanoseconds in [1.0, 10, 1000, 1e6, 1e9, 1e12] {
      let alone = Axis.latency("latency", of: [nanoseconds])
      #expect(alone.ticks.count == 2 && alone.position(of: nanoseconds) == 0, "\(alone.ticks)")
    }
  }

  @Test("each further nine takes as much room as the one before")
  func nines() {
    let axis = Axis.nines("share", count: 500)
    #expect(axis.ticks.map(\.text) == ["0 %", "50 %", "90 %", "99 %", "99.9 %"])
    let places = [0, 0.9, 0.99, 0.999].map { axis.position(of: $0) }
    #expect(places[0] == 0 && abs(places[3] - 1) < 1e-9)
    #expect(abs(places[1] - 1.0 / 3) < 1e-9 && abs(places[2] - 2.0 / 3) < 1e-9)
    #expect(axis.position(of: 1) == 1 && axis.position(of: 2) == 1 && axis.position(of: -1) == 0)
    #expect(Axis.nines("share", count: .max).ticks.last?.text == "99." + String(repeating: "9", count: 17) + " %")
  }

  @Test("whatever a value is, it has a place between 0 and 1, and no axis has many ticks")
  func extremes() {
    let values = [
      0, -1, 1e-300, .leastNonzeroMagnitude, 0.1, 1, 3, 999_999, 1e15, 1e18, 1e300, .greatestFiniteMagnitude, .infinity,
      -.infinity, .nan,
    ]
    for greatest in values {
      let axes = [
        Axis.linear("x", upTo: greatest), Axis.linear("x", upTo: greatest, isTight: true),
        Axis.latency("x", of: [greatest]), Axis.latency("x", of: [1, greatest]),
        Axis.logarithmic("x", from: greatest, upTo: greatest) { "\($0)" },
      ]
      for axis in axes {
        #expect((1...25).contains(axis.ticks.count), "\(greatest): \(axis.ticks.count)")
        for value in values { #expect((0...1).contains(axis.position(of: value)), "\(value) up to \(greatest)") }
        for tick in axis.ticks { #expect(!tick.text.contains("nan") && !tick.text.contains("inf")) }
      }
    }
  }
}
