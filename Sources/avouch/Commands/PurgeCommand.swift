import CalendarTime
import Configuration
import OCSP
import Responder
import ResponderRuntime
import SQLiteStore

/// `avouch purge`.
enum PurgeCommand {
  static let usage = """
    usage: avouch purge --config FILE
           avouch purge --config FILE --issuer NAME (--serial HEX | --all)

    Shows what waits for the caches in front (purge in the configuration), or has them forget the answers of one
    certificate, or of all certificates of an issuer, whether or not anything has changed. What is put in line is purged
    by the running responder within a second, or by the next one that runs.

      --serial   one certificate, in hexadecimal
      --all      all of the issuer's certificates that are on record: caches ask for each of them again

    Exit code: 0 shown, or put in line; 1 nothing is purged here; 2 wrong use.
    """
  private static let shown = 10
  private static let orderedAtOnce = 1000

  static func run(_ words: [String]) throws -> ExitCode {
    let grammar = Arguments.Grammar(
      values: ["--config", "--issuer", "--serial"], flags: ["--all"], usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let path = try arguments.required("--config")
    guard let issuerName = arguments["--issuer"] else {
      guard arguments["--serial"] == nil, !arguments.has("--all") else {
        throw arguments.wrong("--issuer is missing: serials are an issuer's")
      }
      return try show(try LoadedConfiguration(path: path))
    }
    let isOne = arguments["--serial"] != nil
    guard isOne != arguments.has("--all") else { throw arguments.wrong("give either --serial or --all") }
    let serial = isOne ? try arguments.serial() : nil
    return try order(try StoreAccess(configurationPath: path, issuerName: issuerName, create: false), serial)
  }

  // MARK: - Putting in line

  private static func order(_ access: StoreAccess, _ serial: SerialNumber?) throws -> ExitCode {
    let caches = access.configuration.value.purge.map(\.name)
    guard !caches.isEmpty else {
      throw CommandFailure.no("\(access.configuration.path): there is no purge in it: no cache is told to forget")
    }
    let now = SystemClock().now()
    var certificates = 0
    var orders = 0
    if let serial {
      certificates = 1
      orders = try access.session.orderPurges(issuer: access.issuer, serials: [serial], at: now)
    } else {
      var progress = ProgressReport(label: "putting in line", unit: "certificates")
      var last: SerialNumber?
      while true {
        let page = try access.session.serials(issuer: access.issuer, after: last, limit: orderedAtOnce)
        orders += try access.session.orderPurges(issuer: access.issuer, serials: page, at: now)
        certificates += page.count
        guard page.count == orderedAtOnce else { break }
        last = page.last
        progress.update(fraction: nil, count: certificates)
      }
    }
    guard orders > 0 || certificates == 0 else {
      throw CommandFailure.no(
        "no responder has served with the purge of this configuration yet: start it, or send it a SIGHUP, and try again"
      )
    }
    let what = serial.map { "\($0)" } ?? Count.text(certificates, "certificates")
    Terminal.print("\(what) of issuer '\(access.issuerName)' put in line: \(Count.text(orders, "purges"))")
    return .fine
  }

  // MARK: - What waits

  private static func show(_ configuration: LoadedConfiguration) throws -> ExitCode {
    let caches = configuration.value.purge.map(\.name)
    guard !caches.isEmpty else {
      Terminal.print("\(configuration.path): there is no purge in it: no cache is told to forget")
      return .no
    }
    try configuration.expectStore()
    let store = try SQLiteStore(readingFrom: configuration.storePath)
    let session = try store.openSession()
    let now = SystemClock().now()
    let names = try issuerNames(configuration, store)
    for cache in caches {
      let backlog = try session.purgeBacklog(of: cache)
      guard backlog.orders > 0 else {
        Terminal.print("purge '\(cache)': nothing waits")
        continue
      }
      let age = backlog.oldest.map { ", the oldest for \(max(0, now.seconds(since: $0))) s" } ?? ""
      Terminal.print("purge '\(cache)': \(Count.text(backlog.orders, "certificates")) waiting\(age)")
      var orders = try session.newPurges(for: cache, limit: shown)
      orders += try session.duePurges(for: cache, at: .endOfTime, limit: shown - orders.count)
      for order in orders { Terminal.print("  \(line(order, names))") }
      if backlog.orders > orders.count { Terminal.print("  and \(backlog.orders - orders.count) more") }
    }
    return .fine
  }

  private static func line(_ order: PurgeOrder, _ names: [StoreIssuerID: String]) -> String {
    let issuer = names[order.issuer].map { "'\($0)'" } ?? "one that is configured no more"
    let how =
      order.failures > 0
      ? Count.text(order.failures, "failures") + " so far"
      : order.isRepetition ? "purged, waits for its repetition" : "not tried yet"
    return "\(order.serial) of issuer \(issuer), since \(order.since.iso8601), revision \(order.revision.value): \(how)"
  }

  private static func issuerNames(
    _ configuration: LoadedConfiguration, _ store: SQLiteStore
  ) throws -> [StoreIssuerID: String] {
    var names: [StoreIssuerID: String] = [:]
    for issuer in configuration.value.issuers {
      let identity = IssuerIdentity(try configuration.certificate(ofIssuer: issuer.name)).storeIdentity
      if let id = try store.recordedIssuer(name: issuer.name, identity: identity) { names[id] = issuer.name }
    }
    return names
  }
}
