import Testing

@testable import LoadReport

@Suite("Figures")
struct FiguresTests {
  @Test("durations have three digits and the unit that fits")
  func durations() {
    let known: [(Int64, String)] = [
      (0, "0 ns"), (1, "1 ns"), (999, "999 ns"), (1000, "1.00 µs"), (1234, "1.23 µs"), (9994, "9.99 µs"),
      (9996, "10.0 µs"),
      (99_960, "100 µs"), (123_456, "123 µs"), (999_499, "999 µs"), (999_600, "1.00 ms"), (45_678_901, "45.7 ms"),
      (999_999_999, "1.00 s"), (61_000_000_000, "61.0 s"), (1 << 40, "1100 s"),
    ]
    for (nanoseconds, text) in known { #expect(Figures.duration(nanoseconds: nanoseconds) == text) }
    #expect(Figures.duration(nanoseconds: .nan) == "-" && Figures.duration(nanoseconds: .infinity) == "-")
    #expect(Figures.duration(milliseconds: 2.5) == "2.50 ms")
  }

  @Test("numbers are rounded, and grouped from five digits on")
  func numbers() {
    let known: [(Double, Int, String)] = [
      (0, 0, "0"), (0.5, 1, "0.5"), (0.04, 1, "0.0"), (-0.04, 1, "0.0"), (-1.26, 1, "-1.3"), (9999, 0, "9999"),
      (9999.6, 0, "10,000"), (1_234_567.891, 2, "1,234,567.89"), (2.999, 2, "3.00"), (.nan, 1, "-"),
      (-.infinity, 1, "-"),
      (1e18, 0, "1e+18"), (1e300, 3, "1e+300"),
    ]
    for (value, places, text) in known { #expect(Figures.fixed(value, places: places) == text) }
    #expect(Figures.grouped(.max) == "18,446,744,073,709,551,615")
    #expect(Figures.count(1, "requests") == "1 request" && Figures.count(12_345, "requests") == "12,345 requests")
  }

  @Test("shares and sizes")
  func shares() {
    #expect(Figures.percent(0) == "0.0 %" && Figures.percent(0.00001) == "< 0.1 %" && Figures.percent(1) == "100.0 %")
    #expect(Figures.share(of: 3, in: 0) == 0 && Figures.share(of: 1, in: 4) == 0.25)
    #expect(Figures.bytes(0) == "0 B" && Figures.bytes(1023) == "1023 B" && Figures.bytes(1024) == "1.00 KiB")
    #expect(Figures.bytes(8_321_499_136) == "7.75 GiB" && Figures.bytes(.max) == "16,777,216 TiB")
  }

  @Test("decimal logarithms are those of the tables")
  func logarithms() {
    let known: [(Double, Double)] = [
      (1, 0), (10, 1), (1e9, 9), (1e-3, -3), (2, 0.30102999566398120), (3, 0.47712125471966244),
      (7, 0.84509804001425683),
      (1.9999999, 0.301029973949256), (0.5, -0.30102999566398120),
    ]
    for (value, logarithm) in known { #expect(abs(Logarithm.decimal(value) - logarithm) < 1e-13, "\(value)") }
    #expect(Logarithm.decimal(.greatestFiniteMagnitude).isFinite && Logarithm.decimal(.leastNonzeroMagnitude).isFinite)
  }
}
