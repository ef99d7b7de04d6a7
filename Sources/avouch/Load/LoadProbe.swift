import Feeds
import LoadGenerator
import LoadReport
import OCSP

/// The options of a load that revokes meanwhile.
enum LoadProbe {
  /// Nil where nothing is to be revoked.
  static func settings(
    _ arguments: Arguments, _ options: LoadOptions, issuer: IssuerHashes, place: SocketPlace
  ) throws(CommandFailure) -> RevocationProbe.Settings? {
    let names = ["--revoke-webhook", "--revoke-secret", "--revoke-issuer", "--revoke-serials"]
    let others = ["--revoke-every", "--watch"]
    guard (names + others).contains(where: { arguments[$0] != nil }) else { return nil }
    for name in names where arguments[name] == nil {
      throw arguments.wrong("\(name) is missing: revocations need all of \(names.joined(separator: ", "))")
    }
    let webhook = try target("--revoke-webhook", try arguments.required("--revoke-webhook"), arguments)
    var watched = [(target: options.target, place: place)]
    if arguments["--watch"] != nil { watched = [] }
    let timeout = options.settings.timeoutMilliseconds
    for url in arguments.all("--watch") {
      let target = try target("--watch", url, arguments)
      watched.append((target: target, place: try target.place(timeoutMilliseconds: timeout)))
    }
    let every = arguments["--revoke-every"] ?? "1s"
    guard let everyMilliseconds = LoadWords.milliseconds(every), (1...86_400_000).contains(everyMilliseconds) else {
      throw arguments.wrong("--revoke-every: '\(every)' is not a duration from 1ms to 24h, as 200ms or 1s")
    }
    return RevocationProbe.Settings(
      webhook: webhook, webhookPlace: try webhook.place(timeoutMilliseconds: timeout), key: try key(arguments),
      issuerName: try arguments.required("--revoke-issuer"), issuer: issuer,
      hash: options.settings.mix.hashes[0].algorithm,
      serials: try LoadSerials.file(try arguments.required("--revoke-serials"), expected: .any),
      everyMilliseconds: everyMilliseconds, delayMilliseconds: options.settings.warmUpMilliseconds, watched: watched)
  }

  private static func target(
    _ name: String, _ url: String, _ arguments: Arguments
  ) throws(CommandFailure) -> LoadTarget {
    do {
      return try LoadTarget(url)
    } catch {
      throw arguments.wrong("\(name): \(error.description)")
    }
  }

  /// Of several secrets in the file, the first: the present one.
  private static func key(_ arguments: Arguments) throws(CommandFailure) -> [UInt8] {
    let path = try arguments.required("--revoke-secret")
    let octets = try Files.read(path, what: "a file with the webhook's secret")
    do {
      return try WebhookSecret.read(octets)[0].key
    } catch {
      throw .no("\(path): \(error.description)")
    }
  }

  /// What must not be of a revocation: not acknowledged, not seen, or taken back.
  static func failures(_ probes: [Probe]) -> [String] {
    probes.flatMap { probe -> [String] in
      if let problem = probe.problem { return ["the revocation of \(probe.serial): \(problem)"] }
      return probe.watches.compactMap { watch in
        guard let revoked = watch.revokedAfterMilliseconds else {
          return "\(watch.url) did not say within 10 s that \(probe.serial) is revoked"
        }
        guard let good = watch.lastGoodAfterMilliseconds, good > revoked else { return nil }
        return "\(watch.url) said revoked of \(probe.serial) after \(milliseconds(revoked)), and GOOD AGAIN after "
          + "\(milliseconds(good)): a revocation was taken back"
      }
    }
  }

  private static func milliseconds(_ value: Double) -> String { Figures.duration(nanoseconds: Int64(value * 1e6)) }
}
