import LoadGenerator
import LoadReport
import OCSP

/// What the command line of a load says, read and checked.
struct LoadOptions {
  /// One run.
  struct Step {
    var pace: Pace
    var connections: Int

    /// For the live line.
    var words: String {
      switch pace {
      case .openLoop(let rate): "\(Figures.amount(rate))/s"
      case .closedLoop: Count.text(connections, "connections")
      }
    }
  }

  static let names: Set<String> = [
    "--issuer", "--serials", "--index", "--serial", "--rate", "--connections", "--sweep-rates", "--sweep-connections",
    "--duration", "--warmup", "--threads", "--timeout", "--maximum-connections", "--connection", "--method", "--hash",
    "--nonce", "--distribution", "--seed", "--unknown", "--malformed", "--slow-readers", "--idle", "--header",
    "--signatures", "--expect", "--json", "--html", "--name", "--revoke-webhook", "--revoke-secret", "--revoke-issuer",
    "--revoke-serials", "--revoke-every", "--watch",
  ]
  static let flags: Set<String> = ["--http10", "--quiet"]

  static let maximumConnections = 1_000_000
  static let maximumRate = 10_000_000.0

  let target: LoadTarget
  var settings = LoadSettings()
  private(set) var steps: [Step] = []
  /// What `--expect` says; nil where it is not given.
  private(set) var expectation: SerialList.Expectation?
  let isQuiet: Bool
  private let arguments: Arguments

  init(_ arguments: Arguments) throws(CommandFailure) {
    self.arguments = arguments
    do {
      target = try LoadTarget(arguments.words[0])
    } catch {
      throw arguments.wrong(error.description)
    }
    isQuiet = arguments.has("--quiet")
    settings.durationMilliseconds = try duration("--duration", 10_000, atLeast: 100)
    settings.warmUpMilliseconds = try duration("--warmup", 1000, atLeast: 0)
    settings.timeoutMilliseconds = try duration("--timeout", 5000, atLeast: 1)
    settings.threads = try arguments.integer("--threads", in: 1...256) ?? 1
    steps = try pace()
    for step in steps where step.connections < settings.threads {
      throw arguments.wrong(
        "--threads: \(settings.threads) threads have no connection each; there are \(step.connections)")
    }
    settings.form = try form()
    settings.mix = try mix()
    settings.signatures = QuestionMix.Share(try share("--signatures", 0.01))
    settings.slowReaders = try arguments.integer("--slow-readers", in: 0...100_000) ?? 0
    settings.idleConnections = try arguments.integer("--idle", in: 0...100_000) ?? 0
    switch arguments["--expect"] {
    case nil: expectation = nil
    case "good"?: expectation = .good
    case "revoked"?: expectation = .revoked
    case "any"?: expectation = .any
    case let word?: throw arguments.wrong("--expect: '\(word)' is not one of good, revoked, any")
    }
  }

  /// An option as it was given.
  subscript(_ name: String) -> String? { arguments[name] }

  var headerLines: [String] { arguments.all("--header") }

  private func duration(
    _ name: String, _ usual: Int64, atLeast least: Int64
  ) throws(CommandFailure) -> Int64 {
    guard let text = arguments[name] else { return usual }
    let longest: Int64 = 7 * 86_400_000
    guard let value = LoadWords.milliseconds(text), (least...longest).contains(value) else {
      throw arguments.wrong("\(name): '\(text)' is not a duration from \(least)ms to 168h, as 500ms, 10s or 2m")
    }
    return value
  }

  private func share(_ name: String, _ usual: Double) throws(CommandFailure) -> Double {
    guard let text = arguments[name] else { return usual }
    guard let value = LoadWords.fraction(text) else {
      throw arguments.wrong("\(name): '\(text)' is not a share from 0 to 100%, as 10% or 0.5%")
    }
    return value
  }

  // MARK: - Pace

  private func pace() throws(CommandFailure) -> [Step] {
    let names = ["--rate", "--connections", "--sweep-rates", "--sweep-connections"]
    let given = names.filter { arguments[$0] != nil }
    guard given.count <= 1 else {
      throw arguments.wrong(
        "\(given.joined(separator: " and ")) do not go together: give one of \(names.joined(separator: ", "))")
    }
    let isOpen = given.first == "--rate" || given.first == "--sweep-rates"
    guard isOpen || arguments["--maximum-connections"] == nil else {
      throw arguments.wrong("--maximum-connections goes with --rate or --sweep-rates")
    }
    let maximum = try arguments.integer("--maximum-connections", in: 1...LoadOptions.maximumConnections) ?? 256
    guard let name = given.first, let text = arguments[name] else { return [Step(pace: .closedLoop, connections: 64)] }
    if isOpen {
      return try values(name, text, upTo: LoadOptions.maximumRate, isSweep: name == "--sweep-rates").map {
        Step(pace: .openLoop(requestsPerSecond: $0), connections: maximum)
      }
    }
    let most = Double(LoadOptions.maximumConnections)
    return try values(name, text, upTo: most, isSweep: name == "--sweep-connections").map {
      number throws(CommandFailure) in
      guard number == number.rounded() else {
        throw arguments.wrong("\(name): '\(text)' has a number that is not whole")
      }
      return Step(pace: .closedLoop, connections: Int(number))
    }
  }

  private func values(
    _ name: String, _ text: String, upTo greatest: Double, isSweep: Bool
  ) throws(CommandFailure) -> [Double] {
    guard let values = LoadWords.numbers(text, upTo: greatest), isSweep || values.count == 1 else {
      let expected = isSweep ? "numbers with commas between them, as 1000,2000,5000" : "a number"
      throw arguments.wrong(
        "\(name): '\(text)' is not possible; \(expected), above 0 and up to \(Int(greatest)), is expected")
    }
    return values
  }

  // MARK: - Requests

  private func form() throws(CommandFailure) -> RequestForm {
    var form = RequestForm()
    form.isHTTP10 = arguments.has("--http10")
    form.extraHeaders = try headers()
    let text = arguments["--connection"] ?? "keep-alive"
    switch text {
    case "keep-alive": form.connection = .keepAlive
    case "close": form.connection = .close
    case "pipelined": form.connection = .pipelined(depth: 16)
    default:
      guard text.hasPrefix("pipelined:"), let depth = Int(text.dropFirst("pipelined:".count)),
        (1...RequestForm.maximumDepth).contains(depth)
      else {
        throw arguments.wrong(
          "--connection: '\(text)' is not keep-alive, close or pipelined[:DEPTH] with a depth of 1 to \(RequestForm.maximumDepth)"
        )
      }
      form.connection = .pipelined(depth: depth)
    }
    return form
  }

  private func headers() throws(CommandFailure) -> [String] {
    let own: Set<String> = ["connection", "content-length", "content-type", "transfer-encoding"]
    var headers: [String] = []
    for text in arguments.all("--header") {
      let name = text.prefix { $0 != ":" }
      guard name.count < text.count, !name.isEmpty, text.utf8.count <= 4096, headers.count < 32,
        text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), !name.contains(" ")
      else { throw arguments.wrong("--header: '\(text)' is not 'Name: value' on one line; at most 32 of 4096 octets") }
      guard !own.contains(name.lowercased()) else {
        throw arguments.wrong("--header: \(name) is written by the load itself")
      }
      headers.append(text)
    }
    return headers
  }

  private func mix() throws(CommandFailure) -> QuestionMix {
    var mix = QuestionMix()
    let methods = try shares("--method", "get", among: ["get", "post"])
    mix.posts = QuestionMix.Share(methods.first { $0.name == "post" }?.fraction ?? 0)
    mix.hashes = try shares("--hash", "sha1", among: HashAlgorithm.allCases.map(\.name)).compactMap { entry in
      HashAlgorithm(name: entry.name).map { ($0, entry.fraction) }
    }
    mix.nonces = QuestionMix.Share(try share("--nonce", 0))
    mix.unknown = QuestionMix.Share(try share("--unknown", 0))
    mix.malformed = QuestionMix.Share(try share("--malformed", 0))
    mix.distribution = try distribution()
    if let text = arguments["--seed"] {
      guard let seed = UInt64(text) else {
        throw arguments.wrong("--seed: '\(text)' is not a number from 0 to 2^64 - 1")
      }
      mix.seed = seed
    }
    return mix
  }

  private func shares(
    _ name: String, _ usual: String, among possible: [String]
  ) throws(CommandFailure) -> [(name: String, fraction: Double)] {
    let text = arguments[name] ?? usual
    guard let shares = LoadWords.shares(text), shares.allSatisfy({ possible.contains($0.name) }) else {
      throw arguments.wrong(
        "\(name): '\(text)' is not one of \(possible.joined(separator: ", ")), or several with their shares, as "
          + "\(possible[0]):70,\(possible[1]):30")
    }
    return shares
  }

  private func distribution() throws(CommandFailure) -> QuestionMix.Distribution {
    let text = arguments["--distribution"] ?? "uniform"
    switch text {
    case "uniform": return .uniform
    case "sequential": return .sequential
    case "zipf": return .zipf(1)
    default:
      guard text.hasPrefix("zipf:"), let exponent = LoadWords.decimal(text.dropFirst(5)), exponent > 0, exponent <= 10
      else {
        throw arguments.wrong(
          "--distribution: '\(text)' is not uniform, sequential or zipf[:EXPONENT] with an exponent above 0, up to 10")
      }
      return .zipf(exponent)
    }
  }
}
