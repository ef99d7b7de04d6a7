import CalendarTime
import Configuration
import OCSP
import OpenSSLCrypto
import Responder
import ResponderRuntime

/// `avouch revoke`.
enum RevokeCommand {
  static let usage = """
    usage: avouch revoke --config FILE --issuer NAME --serial HEX [--reason REASON] [--at TIME]

    Revokes one certificate. When the command ends with 0, the revocation is on the disk and the responder that runs on
    this configuration, if one does, no longer says "good". A certificate on hold is revoked for good, unless the reason
    is certificateHold again. Caches in front (purge in the configuration) are told to forget what they have of it, also
    where it was revoked already.

      --reason   keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold,
                 privilegeWithdrawn, aACompromise or unspecified; under publicProgramme neither certificateHold nor
                 aACompromise
      --at       when, as 2026-01-31T12:00:00Z; the default is now

    Exit code: 0 revoked, or revoked already; 1 not issued or not confirmed; 2 wrong use.
    """

  static func run(_ words: [String]) throws -> ExitCode {
    let grammar = Arguments.Grammar(
      values: ["--config", "--issuer", "--serial", "--reason", "--at"], usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let path = try arguments.required("--config")
    let issuerName = try arguments.required("--issuer")
    let serial = try arguments.serial()
    let now = SystemClock().now()
    let revocation = Revocation(time: try time(arguments, now: now), reason: try reason(arguments))
    let access = try StoreAccess(configurationPath: path, issuerName: issuerName, create: false)
    try refuse(revocation, arguments, access, issuerName)
    let before = try access.session.status(issuer: access.issuer, serial: serial).record?.revocation
    let outcome = try access.session.revoke(
      issuer: access.issuer, serial: serial, revocation: revocation, isReasonGiven: arguments["--reason"] != nil,
      isTimeGiven: arguments["--at"] != nil, at: now)
    switch outcome {
    case .notIssued:
      throw CommandFailure.no(
        "the store has no certificate \(serial) of issuer '\(issuerName)'; import it first, or look at the serial")
    case .alreadyRevoked(let held):
      Terminal.print("\(serial) is revoked already, \(text(held)); nothing changed")
      // Whoever says it once more may have seen a cache that still says good.
      _ = try access.session.orderPurges(issuer: access.issuer, serials: [serial], at: now)
      // It may have been recorded a moment ago by somebody who was not told so: wait all the same.
      return try confirm(try access.session.latestRevision(), access.configuration)
    case .revoked(let revision):
      let after = try access.session.status(issuer: access.issuer, serial: serial).record?.revocation
      let change = before.map { "; it was revoked already: was \(text($0)), is \(text(after ?? revocation))" } ?? ""
      Terminal.print("\(serial) is revoked, revision \(revision.value)\(change)")
      return try confirm(revision, access.configuration)
    }
  }

  /// What the issuer's programme forbids, and what cannot have been.
  private static func refuse(
    _ revocation: Revocation, _ arguments: Arguments, _ access: StoreAccess, _ issuerName: String
  ) throws(CommandFailure) {
    let issuer = try access.configuration.issuer(issuerName)
    if let objection = ProgrammeRules.objection(to: revocation.reason, of: issuer) {
      throw .wrongUse("--reason: \(objection)")
    }
    guard arguments["--at"] == nil || revocation.time >= access.certificate.notBefore else {
      throw .wrongUse(
        "--at: \(revocation.time.iso8601) is before the CA's certificate began, \(access.certificate.notBefore.iso8601)"
      )
    }
  }

  private static func text(_ revocation: Revocation) -> String {
    "\(revocation.reason?.name ?? "without a reason") since \(revocation.time.iso8601)"
  }

  private static func confirm(_ revision: Revision, _ configuration: LoadedConfiguration) throws -> ExitCode {
    let client = try ControlClient(configuration)
    switch client.waitUntilApplied(revision, patienceSeconds: 10) {
    case .applied:
      let fleet = client.fleet()
      if fleet.isSuspended {
        Terminal.printError(
          "avouch: the revocation is on the disk, but this node answers nothing: "
            + fleet.troubles.joined(separator: "; "))
        return .no
      }
      for trouble in fleet.troubles {
        Terminal.printError("warning: other nodes of the fleet hear of it later: \(trouble)")
      }
      Terminal.print("the running responder answers so from now on, or tryLater until it can sign it")
      tellOfCaches(configuration, isRunning: true)
      return .fine
    case .nobodyThere:
      Terminal.print("no responder is running on this configuration; the next one will answer so")
      tellOfCaches(configuration, isRunning: false)
      return .fine
    case .failed(let why):
      Terminal.printError(
        "avouch: the revocation is on the disk, but the running responder has not confirmed it: \(why)")
      return .no
    }
  }

  private static func tellOfCaches(_ configuration: LoadedConfiguration, isRunning: Bool) {
    let caches = configuration.value.purge.map(\.name)
    guard !caches.isEmpty else { return }
    let names = caches.joined(separator: ", ")
    Terminal.print(
      isRunning
        ? "the \(caches.count == 1 ? "cache \(names) forgets" : "caches \(names) forget") it in a moment "
          + "(avouch purge shows what waits)"
        : "caches in front (\(names)) go on with what they have until a responder runs")
  }

  private static func time(_ arguments: Arguments, now: UnixTime) throws(CommandFailure) -> UnixTime {
    guard let text = arguments["--at"] else { return now }
    guard let time = UnixTime(iso8601: text) else {
      throw arguments.wrong("--at: '\(text)' is no time; expected 2026-01-31T12:00:00Z")
    }
    guard time <= now.advanced(bySeconds: 300) else {
      throw arguments.wrong("--at: \(text) lies in the future; a certificate is revoked from now on at the latest")
    }
    return time
  }

  private static func reason(_ arguments: Arguments) throws(CommandFailure) -> RevocationReason? {
    guard let text = arguments["--reason"] else { return nil }
    let possible = RevocationReason.allCases.filter { $0 != .removeFromCRL }
    guard let reason = RevocationReason(name: text), possible.contains(reason) else {
      let names = possible.map(\.name).joined(separator: ", ")
      throw arguments.wrong("--reason: '\(text)' is not possible; expected one of \(names)")
    }
    return reason
  }
}
