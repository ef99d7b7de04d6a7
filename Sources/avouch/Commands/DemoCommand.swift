import CalendarTime
import EventLoop
import OCSP
import OpenSSLCrypto
import Responder
import ResponderRuntime

/// `avouch demo`.
enum DemoCommand {
  static let usage = """
    usage: avouch demo [--dir DIR] [--port PORT]

    Makes a toy CA with good and revoked certificates, imports its records, signs an answer for each and serves them on
    127.0.0.1. A second start in the same folder uses what is there, its avouch.json5 too where that has been edited.

      --dir    the folder for everything; the default is demo. One that is not empty has to be of a demo before
      --port   the default is 8080; 0 takes any that is free
    """

  static func run(_ words: [String]) throws -> ExitCode {
    guard let arguments = try Arguments(words, Arguments.Grammar(values: ["--dir", "--port"], usage: usage)) else {
      return .fine
    }
    let folder = arguments["--dir"] ?? "demo"
    let port = try arguments.integer("--port", in: 0...65_535)
    let isNew = try DemoAuthority(folder: folder).make(now: SystemClock().now())
    Terminal.print(isNew ? "made a demo CA in \(folder)" : "using the demo CA in \(folder)")
    let configurationPath = folder + "/avouch.json5"
    try DemoConfiguration(path: configurationPath).prepare(port: port)
    let access = try StoreAccess(
      configurationPath: configurationPath, issuerName: DemoAuthority.issuerName, create: true)
    let summary = try ImportCommand.take("--index", folder + "/index.txt", access)
    Terminal.print("records: \(summary.added) added, \(summary.changed) changed, \(summary.unchanged) unchanged")
    let listening = try access.configuration.listenAddresses().first?.port
    return try ServeCommand.serve(access.configuration) {
      if let listening, listening != 0 { printHints(folder, listening) }
    }
  }

  private static func printHints(_ folder: String, _ port: UInt16) {
    let program = CommandLine.arguments.first ?? "avouch"
    Terminal.print(
      """

      Try, in a second terminal:
        openssl ocsp -issuer \(folder)/ca.pem -CAfile \(folder)/ca.pem -url http://127.0.0.1:\(port) -cert \(folder)/good.pem
        \(program) check --issuer \(folder)/ca.pem --cert \(folder)/revoked-keyCompromise.pem http://127.0.0.1:\(port)
        \(program) check --issuer \(folder)/ca.pem --cert \(folder)/unknown.pem --get http://127.0.0.1:\(port)
        \(program) revoke --config \(folder)/avouch.json5 --issuer demo --serial $(openssl x509 -in \(folder)/good-2.pem -noout -serial | cut -d= -f2)
      Ctrl-C ends it.
      """)
  }
}
