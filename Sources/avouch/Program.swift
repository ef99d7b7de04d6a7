/// The commands, and how each ends.
enum Program {
  static let usage = """
    Avouch answers "is this certificate still good?" over OCSP.

    usage: avouch COMMAND [options]

      demo           a toy CA with good and revoked certificates, imported, signed and served
      serve          the responder
      import         take in what a CA issued and revoked
      revoke         revoke one certificate
      status         what the store and the caches hold of one certificate
      purge          have caches in front forget a certificate, or see what waits for them
      check          ask a responder and judge its answer
      load           ask a responder very often, and measure how it answers
      keys           keys in a token (HSM): list, generate, request a certificate, test
      config check   look at a configuration and all it names

    avouch COMMAND --help and avouch help COMMAND tell more. Exit code: 0 fine, 1 the answer is no, 2 wrong use.
    """

  static func run(_ words: [String]) -> ExitCode {
    do {
      return try dispatch(words)
    } catch let failure as CommandFailure {
      Terminal.printError("avouch: \(failure)")
      return failure.code
    } catch {
      Terminal.printError("avouch: \(error)")
      return .no
    }
  }

  private static func dispatch(_ words: [String]) throws -> ExitCode {
    let rest = Array(words.dropFirst())
    switch words.first {
    case "demo": return try DemoCommand.run(rest)
    case "serve": return try ServeCommand.run(rest)
    case "import": return try ImportCommand.run(rest)
    case "revoke": return try RevokeCommand.run(rest)
    case "status": return try StatusCommand.run(rest)
    case "purge": return try PurgeCommand.run(rest)
    case "check": return try CheckCommand.run(rest)
    case "load": return try LoadCommand.run(rest)
    case "keys": return try KeysCommand.run(rest)
    case "config": return try ConfigCommand.run(rest)
    case "help" where !rest.isEmpty: return try dispatch(rest.filter { $0 != "--help" } + ["--help"])
    case "--help", "-h", "help":
      Terminal.print(usage)
      return .fine
    case "--version", "version":
      Terminal.print("avouch \(version)")
      return .fine
    case nil: throw CommandFailure.wrongUse("a command is missing\n\n\(usage)")
    case .some(let word): throw CommandFailure.wrongUse("there is no command '\(word)'\n\n\(usage)")
    }
  }

  static let version = "0.1.0"
}
