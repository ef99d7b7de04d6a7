import EventLoop

/// Tells how far long work has come: a bar that redraws itself on a terminal, one line a second elsewhere.
///
/// What goes into a log has its time and level there, as every line of a log has.
///
/// Used by one thread.
struct ProgressReport {
  private let label: String
  private let unit: String
  private let log: TerminalLog?
  private let started = MonotonicTime.now()
  private var lastShown: MonotonicTime
  private let isTerminal = Terminal.isErrorATerminal

  /// - Parameters:
  ///   - label: what is being done: `importing index.txt`.
  ///   - unit: what is counted: `certificates`.
  ///   - log: where lines go that are not for a terminal; nil for standard error as they are.
  init(label: String, unit: String, log: TerminalLog? = nil) {
    self.label = label
    self.unit = unit
    self.log = log
    lastShown = started
  }

  /// - Parameters:
  ///   - fraction: 0 to 1; nil where the end is not known.
  ///   - count: how many are done.
  mutating func update(fraction: Double?, count: Int) {
    let now = MonotonicTime.now()
    guard now >= lastShown.advanced(byMilliseconds: isTerminal ? 100 : 1000) else { return }
    lastShown = now
    show(fraction: fraction, count: count, at: now)
  }

  /// Ends the line on a terminal; says the total and the time everywhere.
  mutating func finish(count: Int) {
    let seconds = ProgressReport.seconds(from: started, to: .now())
    let line = "\(label): \(Count.text(count, unit)) in \(ProgressReport.short(seconds)) s"
    write(line, terminalEnd: "\n")
  }

  private func show(fraction: Double?, count: Int, at now: MonotonicTime) {
    let seconds = max(0.001, ProgressReport.seconds(from: started, to: now))
    let rate = Int(Double(count) / seconds)
    var line = "\(label): \(Count.text(count, unit)), \(rate)/s"
    if let fraction {
      let share = min(max(fraction, 0), 1)
      let left = share > 0 ? seconds / share - seconds : 0
      line =
        "\(label) \(ProgressReport.bar(share)) \(Int(share * 100))% \(Count.text(count, unit)), \(rate)/s, \(Int(left.rounded(.up))) s left"
    }
    write(line, terminalEnd: "")
  }

  private func write(_ line: String, terminalEnd: String) {
    if isTerminal {
      Terminal.write("\r\u{1B}[K\(line)\(terminalEnd)", to: 2)
    } else if let log {
      log.info(line)
    } else {
      Terminal.printError(line)
    }
  }

  /// - Parameter share: of what is done, 0 to 1.
  static func bar(_ share: Double) -> String {
    let width = 24
    let full = Int(share * Double(width))
    return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: width - full) + "]"
  }

  private static func seconds(from start: MonotonicTime, to end: MonotonicTime) -> Double {
    Double(end.nanoseconds - start.nanoseconds) / 1e9
  }

  /// One digit behind the point.
  static func short(_ seconds: Double) -> String {
    let tenths = Int((seconds * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
