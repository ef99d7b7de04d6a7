import CalendarTime
import Configuration
import OpenSSLCrypto
import Responder
import ResponderRuntime

/// `avouch config check` and `avouch config schema`.
enum ConfigCommand {
  static let usage = """
    usage: avouch config check FILE
           avouch config schema
           avouch config table

    check reads the configuration and all it names: keys and values, combinations that the rules forbid, certificates,
    keys, and whether they belong together; addresses, and the folder of the store; tokens are opened, and sign once;
    Redis is asked whether it lets this node in.
    schema prints the JSON schema of the configuration, table the table of docs/configuration.md.

    Exit code: 0 fine; 1 something is wrong, each problem on a line; 2 wrong use.
    """

  static func run(_ words: [String]) throws -> ExitCode {
    switch words.first {
    case "check":
      let grammar = Arguments.Grammar(words: ["FILE"], usage: usage)
      guard let arguments = try Arguments(Array(words.dropFirst()), grammar) else { return .fine }
      return try check(arguments.words[0])
    case "schema":
      guard try Arguments(Array(words.dropFirst()), Arguments.Grammar(usage: usage)) != nil else { return .fine }
      Terminal.print(ConfigurationSchema.text)
      return .fine
    case "table":
      guard try Arguments(Array(words.dropFirst()), Arguments.Grammar(usage: usage)) != nil else { return .fine }
      Terminal.print(ConfigurationSchema.table)
      return .fine
    case "--help", "-h":
      Terminal.print(usage)
      return .fine
    default: throw CommandFailure.wrongUse("expected 'check', 'schema' or 'table'\n\n\(usage)")
    }
  }

  private static func check(_ path: String) throws -> ExitCode {
    let configuration = try LoadedConfiguration(path: path)
    let surroundings = try SurroundingsCheck(configuration)
    for warning in surroundings.warnings { Terminal.printError("warning: \(warning)") }
    for problem in surroundings.problems { Terminal.printError("avouch: \(problem)") }
    let loader = IssuerLoader(configuration: configuration, now: SystemClock().now(), untimely: .refused)
    var problems = surroundings.problems.count
    var names: [[UInt8]: String] = [:]
    for issuer in configuration.value.issuers {
      do {
        let (identity, text) = try check(issuer, loader, isEdge: configuration.value.isEdge)
        if let other = names.updateValue(issuer.name, forKey: identity) {
          throw CommandFailure.no(
            "issuer '\(issuer.name)': its CA is that of issuer '\(other)' (same name and key); an answer is one issuer's"
          )
        }
        Terminal.print("issuer '\(issuer.name)': \(text)")
      } catch {
        problems += 1
        Terminal.printError("avouch: \(error)")
      }
    }
    if let redis = configuration.value.redis {
      do {
        Terminal.print(try RedisCheck(redis, configuration).run())
      } catch {
        problems += 1
        Terminal.printError("avouch: \(error)")
      }
    }
    guard problems == 0 else { return .no }
    Terminal.print("\(path): fine")
    return .fine
  }

  /// - Returns: which CA it is, and what is said of it.
  private static func check(
    _ issuer: Configuration.Issuer, _ loader: IssuerLoader, isEdge: Bool
  ) throws -> (identity: [UInt8], text: String) {
    guard !isEdge else {
      let certificate = try loader.certificate(issuer)
      return (IssuerIdentity(certificate).storeIdentity, "\(certificate.subjectText), answered from Redis")
    }
    let material = try loader.material(issuer)
    for warning in material.warnings + (try loader.tryTokens(material)) { Terminal.printError("warning: \(warning)") }
    let crls = CRLSourceCheck(issuer, loader.configuration, certificate: material.certificate, now: loader.now)
    for warning in crls.warnings { Terminal.printError("warning: \(warning)") }
    guard crls.problems.isEmpty else { throw CommandFailure.no(crls.problems.joined(separator: "\navouch: ")) }
    let signer = material.signerCertificate ?? material.certificate
    return (
      IssuerIdentity(material.certificate).storeIdentity,
      "\(material.certificate.subjectText), signed by \(signer.subjectText) with \(material.scheme.text), until "
        + signer.notAfter.iso8601
    )
  }
}
