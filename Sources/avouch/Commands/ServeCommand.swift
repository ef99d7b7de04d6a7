import EventLoop
import Glibc
import HTTPServer

/// `avouch serve`.
enum ServeCommand {
  static let usage = """
    usage: avouch serve --config FILE

    Serves until SIGTERM or SIGINT, then answers what is open and ends. A second signal ends at once.
    SIGHUP reads the configuration again: issuers, signers and policies, without a pause; not role, redis, listen or store.
    With role "edge" it needs neither store nor keys, and answers from Redis (docs/fleet.md). Every key can be set by a
    variable, as AVOUCH_REDIS_NODES=host:6379; `avouch config table` lists them.
    How it fares: curl --unix-socket avouch.control http://localhost/readyz (and /metrics).
    Log lines go to standard error; where it listens, and when every answer is ready, to standard output.
    """

  static func run(_ words: [String]) throws -> ExitCode {
    let grammar = Arguments.Grammar(values: ["--config"], usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let configuration = try LoadedConfiguration(path: try arguments.required("--config"))
    return try serve(configuration) {}
  }

  /// Serves until a signal comes.
  ///
  /// - Parameter whenReady: called once, when every answer of the start is there.
  static func serve(_ configuration: LoadedConfiguration, whenReady: () -> Void) throws -> ExitCode {
    let log = TerminalLog()
    let responder = try RunningResponder(configuration, log: log)
    try responder.start()
    for address in responder.server.addresses { Terminal.print("serving \(url(of: address))") }
    for address in responder.node.eventAddresses {
      let place = url(of: address)
      Terminal.print("events at \(responder.node.areEventsEncrypted ? "https" + place.dropFirst(4) : place)v1/events")
    }
    log.info("control on \(responder.control.addresses.map { "\($0)" }.joined(separator: ", "))")
    let signalled = GrowingValue()
    let waiter = NamedThread(name: "signals", isDetached: true) { watchSignals(signalled, responder, log) }
    _ = waiter
    if waitUntilReady(responder, signalled, log) {
      let readiness = responder.node.readiness
      for warning in readiness.warnings { log.warning(warning) }
      Terminal.print(
        "\(readiness.isReady ? "ready" : "not ready: \(readiness.reasons.joined(separator: "; "))\nstarted"): "
          + responder.node.startProgress.summary)
      whenReady()
    }
    while !signalled.wait(for: 1, milliseconds: 3_600_000) {}
    log.info("draining")
    responder.stop()
    log.info("stopped")
    // A thread may still stand inside a token's module: the module's destructors must not run under it.
    if responder.node.hasLostThreads { _exit(ExitCode.fine.rawValue) }
    return .fine
  }

  private static func watchSignals(_ signalled: GrowingValue, _ responder: RunningResponder, _ log: TerminalLog) {
    while true {
      let number = Signals.wait()
      if number == SIGHUP {
        // Elsewhere: a token may take its time, and a signal to end must not wait for it.
        _ = NamedThread(name: "reload", isDetached: true) { responder.reload() }
        continue
      }
      if signalled.current > 0 {
        log.warning("a second signal: ending at once")
        exit(ExitCode.no.rawValue)
      }
      signalled.raise(to: 1)
    }
  }

  /// Shows how the first signing goes. False where a signal came first.
  private static func waitUntilReady(
    _ responder: RunningResponder, _ signalled: GrowingValue, _ log: TerminalLog
  ) -> Bool {
    var progress = ProgressReport(label: "preparing answers", unit: "answers", log: log)
    while !responder.node.waitUntilStarted(milliseconds: 100) {
      if signalled.current > 0 { return false }
      let now = responder.node.startProgress
      guard now.isMoving else { continue }
      progress.update(fraction: now.planned.map { Double(now.done) / Double($0) }, count: now.done)
    }
    let last = responder.node.startProgress
    if last.isMoving { progress.finish(count: last.done) }
    return true
  }

  static func url(of address: ListenAddress) -> String {
    switch address {
    case .unix: "\(address)"
    case .any(let port): "http://localhost:\(port)/"
    case .ipv4, .ipv6: "http://\(address)/"
    }
  }
}
