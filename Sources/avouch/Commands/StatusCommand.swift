import OCSP
import Responder

/// `avouch status`.
enum StatusCommand {
  static let usage = """
    usage: avouch status --config FILE --issuer NAME --serial HEX [--json]

    Shows what the store holds of one certificate, and what the running responder has in memory. Changes nothing.

    Exit code: 0 good; 1 revoked or not on record; 2 wrong use.
    """

  static func run(_ words: [String]) throws -> ExitCode {
    let grammar = Arguments.Grammar(
      values: ["--config", "--issuer", "--serial"], flags: ["--json"], usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let issuerName = try arguments.required("--issuer")
    let serial = try arguments.serial()
    let view = try StoreView(
      configurationPath: try arguments.required("--config"), issuerName: issuerName)
    // First: what is in the store is told also where the responder cannot be asked.
    let reading = try view.status(serial)
    let stored = try view.responses(serial)
    let memory = try ControlClient(view.configuration).answers(issuer: issuerName, serial: serial.hexadecimal)
    let report = StatusReport(serial: serial, issuer: issuerName, reading: reading, stored: stored, memory: memory)
    Terminal.print(arguments.has("--json") ? report.json : report.text)
    return reading.record?.status == .good ? .fine : .no
  }
}
