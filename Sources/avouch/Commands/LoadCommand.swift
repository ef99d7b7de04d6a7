import CalendarTime
import EventLoop
import LoadGenerator
import LoadReport
import OpenSSLCrypto
import ResponderRuntime

/// `avouch load`: asks a responder very often and measures how it answers.
enum LoadCommand {
  static func run(_ words: [String]) throws -> ExitCode {
    let interrupt = LoadInterrupt()
    if words.contains("--compare") { return try LoadCompare.run(words) }
    let grammar = Arguments.Grammar(
      values: LoadOptions.names, repeatable: ["--header", "--watch"], flags: LoadOptions.flags, words: ["URL"],
      usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let options = try LoadOptions(arguments)
    try LoadOutput.check(arguments)
    try requireDescriptors(options)
    let issuer = try issuer(arguments)
    let serials = try LoadSerials.read(arguments, expected: options.expectation)
    let place = try options.target.place(timeoutMilliseconds: options.settings.timeoutMilliseconds)
    var result = LoadResult(
      name: arguments["--name"] ?? options.target.url, url: options.target.url, startedAt: SystemClock().now(),
      machine: LoadMachine.current, version: Program.version,
      settings: options.described(serials: serials.count), runs: [], probes: [])
    let probe = try LoadProbe.settings(
      arguments, options, issuer: LoadSerials.hashes(of: issuer, options.settings.mix), place: place)
    interrupt.begin()
    let running = probe.map { RevocationProbe.start($0) }
    for (number, step) in options.steps.enumerated() where !interrupt.signal.isStopped {
      var settings = options.settings
      settings.pace = step.pace
      settings.connections = step.connections
      let engine = LoadEngine(
        settings: settings, issuer: LoadSerials.hashes(of: issuer, settings.mix), serials: serials,
        target: options.target)
      var display = LoadDisplay(step: number, of: options.steps, isQuiet: options.isQuiet)
      let run = try engine.run(
        to: place,
        judge: { basic, _ in AnswerVerdict.signerProblems(basic, issuer: issuer, now: SystemClock().now()) },
        stop: interrupt.signal, progress: { display.update($0) })
      display.finish()
      result.runs.append(run)
    }
    result.probes = running?.end() ?? []
    return try LoadOutput.write(result, arguments)
  }

  /// A load that cannot open its connections measures nothing.
  private static func requireDescriptors(_ options: LoadOptions) throws(CommandFailure) {
    let most = options.steps.map(\.connections).max() ?? 0
    let wanted = most + options.settings.slowReaders + options.settings.idleConnections + 64
    let limit = DescriptorLimit.raise()
    guard wanted <= limit else {
      throw .no("\(wanted) descriptors are needed, and this process may have \(limit) (ulimit -n)")
    }
  }

  private static func issuer(_ arguments: Arguments) throws -> Certificate {
    let path = try arguments.required("--issuer")
    return try Certificate(file: try Files.read(path, what: "the issuer's certificate"), name: path)
  }
}

extension LoadTarget {
  /// The address to which a load goes: of several the first that takes a connection.
  func place(timeoutMilliseconds: Int64) throws(CommandFailure) -> SocketPlace {
    let places: [SocketPlace]
    do {
      places = try resolved()
    } catch {
      throw .no(error.description)
    }
    guard let first = places.first else { throw .no("\(host): no address is known for this name") }
    guard places.count > 1 else { return first }
    return LoadTarget.firstThatAnswers(places, milliseconds: Int32(clamping: timeoutMilliseconds)) ?? first
  }
}
