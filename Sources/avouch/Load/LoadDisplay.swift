import EventLoop
import LoadGenerator
import LoadReport

/// The line that tells where a load stands: redrawn on a terminal, every five seconds a new one elsewhere.
///
/// Used by one thread.
struct LoadDisplay {
  private let label: String
  private let isQuiet: Bool
  private let isTerminal = Terminal.isErrorATerminal
  private var lastShown = MonotonicTime.now()

  init(step: Int, of steps: [LoadOptions.Step], isQuiet: Bool) {
    label = (steps.count > 1 ? "run \(step + 1) of \(steps.count), " : "") + steps[step].words
    self.isQuiet = isQuiet
  }

  mutating func update(_ progress: LoadProgress) {
    guard !isQuiet else { return }
    let now = MonotonicTime.now()
    guard isTerminal || now >= lastShown.advanced(byMilliseconds: 5000) else { return }
    lastShown = now
    let line = text(progress)
    if isTerminal { Terminal.write("\r\u{1B}[K\(line)", to: 2) } else { Terminal.printError(line) }
  }

  /// Takes the line away again: the report follows.
  func finish() {
    if isTerminal, !isQuiet { Terminal.write("\r\u{1B}[K", to: 2) }
  }

  private func text(_ progress: LoadProgress) -> String {
    guard progress.elapsedSeconds > 0 else { return "\(label): warming up" }
    let elapsed = min(progress.elapsedSeconds, progress.measuredSeconds)
    var line = label
    if isTerminal { line += " " + ProgressReport.bar(elapsed / max(progress.measuredSeconds, 0.001)) }
    line += " \(Int(elapsed)) of \(Int(progress.measuredSeconds.rounded(.up))) s, "
    let rate = Double(progress.answered) / max(progress.elapsedSeconds, 0.001)
    line += "\(Figures.amount(progress.lastSecond > 0 ? Double(progress.lastSecond) : rate))/s"
    if progress.lastSecond > 0 { line += ", p99 \(Figures.duration(nanoseconds: progress.p99Nanoseconds))" }
    return line + ", \(Count.text(Int(clamping: progress.failed), "failures"))"
  }
}
