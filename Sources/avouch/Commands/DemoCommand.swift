import CalendarTime
import EventLoop
import OCSP
import OpenSSLCrypto
import PKCS11Signer
import Responder
import ResponderRuntime

/// `avouch demo`.
enum DemoCommand {
  static let usage = """
    usage: avouch demo [--hsm softhsm] [--dir DIR] [--port PORT]

    Makes a toy CA with good and revoked certificates, imports its records, signs an answer for each and serves them on
    127.0.0.1. A second start in the same folder uses what is there, its avouch.json5 too where that has been edited.

      --hsm    softhsm: the responder's key is made in a SoftHSM 2 token in DIR/softhsm, signs there and never leaves
               it. Without --hsm it is a file
      --dir    the folder for everything; the default is demo, and demo-softhsm with --hsm softhsm. One that is not
               empty has to be of such a demo before
      --port   the default is 8080; 0 takes any that is free
    """

  static func run(_ words: [String]) throws -> ExitCode {
    let grammar = Arguments.Grammar(values: ["--hsm", "--dir", "--port"], usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    if let hsm = arguments["--hsm"], hsm != "softhsm" {
      throw arguments.wrong("--hsm: '\(hsm)'; expected softhsm")
    }
    let usesToken = arguments["--hsm"] != nil
    let folder = arguments["--dir"] ?? (usesToken ? "demo-softhsm" : "demo")
    let port = try arguments.integer("--port", in: 0...65_535)
    let configurationPath = folder + "/avouch.json5"
    try DemoConfiguration.expectNobody(at: configurationPath)
    let key = try claim(folder, usesToken: usesToken)
    let isNew = try DemoAuthority(folder: folder, responderKey: key).make(now: SystemClock().now())
    Terminal.print(isNew ? "made a demo CA in \(folder)" : "using the demo CA in \(folder)")
    if case .token(let token) = key { Terminal.print("signing with \(token.uri)") }
    try DemoConfiguration(path: configurationPath, key: key).prepare(port: port)
    let access = try StoreAccess(
      configurationPath: configurationPath, issuerName: DemoAuthority.issuerName, create: true)
    let summary = try ImportCommand.take("--index", folder + "/index.txt", access)
    Terminal.print("records: \(summary.added) added, \(summary.changed) changed, \(summary.unchanged) unchanged")
    let listening = try access.configuration.listenAddresses().first?.port
    return try ServeCommand.serve(access.configuration) {
      var hints: [String] = []
      if let listening, listening != 0 { hints.append(clientHints(folder, listening)) }
      if case .token(let token) = key { hints.append(tokenHints(token, configurationPath)) }
      if !hints.isEmpty { Terminal.print("\n" + hints.joined(separator: "\n") + "\nCtrl-C ends it.") }
    }
  }

  /// Makes the folder a demo's, and says where its responder's key is to be.
  private static func claim(_ folder: String, usesToken: Bool) throws(CommandFailure) -> DemoResponderKey {
    guard usesToken else {
      try DemoFolder(path: folder).claim(for: .keyFile)
      return .file(DemoKeyFile(folder: folder, name: "responder.key"))
    }
    // What keeps a token from being made is found out before the folder is a demo's.
    let modulePath = try SoftHSMModule.find()
    try Files.makeFolder(folder)
    let token = try DemoToken(modulePath: modulePath, demoFolder: folder)
    try DemoFolder(path: folder).claim(for: .softHSM)
    return .token(token)
  }

  private static var program: String { ShellWord.quoted(CommandLine.arguments.first ?? "avouch") }

  private static func clientHints(_ folder: String, _ port: UInt16) -> String {
    let folder = ShellWord.quoted(folder)
    return """
      Try, in a second terminal:
        openssl ocsp -issuer \(folder)/ca.pem -CAfile \(folder)/ca.pem -url http://127.0.0.1:\(port) \
      -cert \(folder)/good.pem
        \(program) check --issuer \(folder)/ca.pem --cert \(folder)/revoked-keyCompromise.pem http://127.0.0.1:\(port)
        \(program) check --issuer \(folder)/ca.pem --cert \(folder)/unknown.pem --get http://127.0.0.1:\(port)
        \(program) revoke --config \(folder)/avouch.json5 --issuer demo --serial \
      $(openssl x509 -in \(folder)/good-2.pem -noout -serial | cut -d= -f2)
      """
  }

  /// How to look into the token from outside. The PIN goes through the environment: other users see command lines.
  private static func tokenHints(_ token: DemoToken, _ configurationPath: String) -> String {
    let (module, pin) = (ShellWord.quoted(token.modulePath), ShellWord.quoted(token.pinPath))
    return """
      The responder's key, as OpenSC's tool sees it in the token:
        export SOFTHSM2_CONF=\(ShellWord.quoted(token.configurationPath))
        PIN=$(cat \(pin)) pkcs11-tool --module \(module) --token-label \(DemoToken.label) \
      --pin env:PIN --list-objects --type privkey
      With that variable exported, the same is served without the demo:
        \(program) serve --config \(ShellWord.quoted(configurationPath))
      """
  }
}
