import CalendarTime
import ResponderRuntime

/// The responder's log: one line an event on standard error, with the time in UTC.
struct TerminalLog: RuntimeLog {
  func info(_ message: String) { write("info", message) }
  func warning(_ message: String) { write("warning", message) }

  private func write(_ level: String, _ message: String) {
    Terminal.printError("\(SystemClock().now().iso8601) \(level): \(message)")
  }
}
