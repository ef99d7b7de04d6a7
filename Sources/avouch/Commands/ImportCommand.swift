import CalendarTime
import Feeds
import OCSP
import Records
import Responder
import ResponderRuntime

/// `avouch import`.
enum ImportCommand {
  static let usage = """
    usage: avouch import --config FILE --issuer NAME (--index FILE | --crl FILE | --certs DIR | --csv FILE)

    Takes in what a CA issued and revoked. All of it is taken, or nothing; importing again changes only what changed.
    The command ends when the responder that runs on this configuration, if one does, answers so.
    A certificate that is revoked stays so, whatever the file says, unless its reason is certificateHold; a compromise stays
    one, and a revocation is not moved later.

      --index FILE   the index.txt of `openssl ca`
      --crl FILE     a complete CRL of this issuer, DER or PEM; its signature is verified
      --certs DIR    a folder of certificates, PEM or DER; it tells what was issued, and nothing of revocation
      --csv FILE     rows under the names serial, status, notAfter, revokedAt, reason

    Exit code: 0 imported; 1 something is wrong and nothing was imported, or the running responder has not confirmed;
    2 wrong use.
    """

  static func run(_ words: [String]) throws -> ExitCode {
    let grammar = Arguments.Grammar(
      values: ["--config", "--issuer", "--index", "--crl", "--certs", "--csv"], usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let configurationPath = try arguments.required("--config")
    let issuerName = try arguments.required("--issuer")
    let given = ["--index", "--crl", "--certs", "--csv"].filter { arguments[$0] != nil }
    guard given.count == 1, let source = given.first, let path = arguments[source] else {
      throw arguments.wrong("give one of --index, --crl, --certs and --csv")
    }
    let access = try StoreAccess(configurationPath: configurationPath, issuerName: issuerName, create: true)
    let summary = try take(source, path, access)
    report(summary)
    // Where nothing changed too: an import before this one may have changed it, and not been confirmed.
    switch try ControlClient(access.configuration).waitUntilApplied(summary.revision, patienceSeconds: 300) {
    case .applied: Terminal.print("the running responder answers so from now on, or tryLater until it can sign it")
    case .nobodyThere: break
    case .failed(let why):
      Terminal.printError(
        "avouch: the records are on the disk, but the running responder has not confirmed them: \(why)")
      return .no
    }
    return .fine
  }

  /// Imports one source into an issuer's part of the store.
  static func take(_ source: String, _ path: String, _ access: StoreAccess) throws -> ImportSummary {
    let reader = try reader(source, path, access)
    var progress = ProgressReport(label: "importing \(path)", unit: "certificates")
    let now = SystemClock().now()
    var observer = ImportObserver(
      issuer: try access.configuration.issuer(access.issuerName), source: source, path: path,
      hadRecords: try !access.session.serials(issuer: access.issuer, after: nil, limit: 1).isEmpty)
    let summary = try access.session.importRecords(
      issuer: access.issuer, assertsStatus: source != "--certs", source: path, at: now
    ) {
      let batch = try reader.next()
      // A signed CRL is the CA's own word; in a file that people write, such a time is a mistake.
      if source != "--crl", let batch { try refuseImpossibleTimes(batch, path, now: now) }
      if let batch { observer.take(batch) }
      progress.update(fraction: reader.progress, count: observer.count)
      return batch
    }
    progress.finish(count: observer.count)
    for warning in observer.warnings(after: summary) { Terminal.printError("warning: \(warning)") }
    return summary
  }

  /// What `avouch revoke --at` refuses, and times that no certificate can have been revoked at (RFC 5280 4.1.2.5).
  private static func refuseImpossibleTimes(
    _ records: [CertificateRecord], _ path: String, now: UnixTime
  ) throws(CommandFailure) {
    let earliest = UnixTime(seconds: -631_152_000)
    for record in records {
      guard let time = record.revocation?.time else { continue }
      guard time >= earliest, time <= now.advanced(bySeconds: 300) else {
        throw .no(
          "\(path): the certificate \(record.serial) is revoked at \(time.iso8601); a time from 1950 until now is expected"
        )
      }
    }
  }

  private static func reader(_ source: String, _ path: String, _ access: StoreAccess) throws -> any RecordReader {
    switch source {
    case "--index": return OpenSSLIndexReader(try Files.read(path, what: "an index.txt"), name: path)
    case "--csv": return CSVReader(try Files.read(path, what: "a CSV file"), name: path)
    case "--certs": return try CertificateFolderReader(path, issuer: access.certificate)
    default: return try crlReader(path, access)
    }
  }

  private static func crlReader(_ path: String, _ access: StoreAccess) throws -> CRLReader {
    let crl = try VerifiedCRL(
      file: try Files.read(path, what: "a CRL"), name: path, issuer: access.certificate, now: SystemClock().now(),
      takesDeltas: false)
    for warning in crl.warnings { Terminal.printError("warning: \(warning)") }
    return CRLReader(crl.list)
  }

  private static func report(_ summary: ImportSummary) {
    Terminal.print(
      "\(summary.added) added, \(summary.changed) changed, \(summary.unchanged) unchanged; "
        + "\(summary.revoked) of the added and changed ones are revoked")
    report(
      summary.keptRevoked, "stay revoked",
      "the file says good or certificateHold of them, and only certificateHold can be lifted")
    report(
      summary.keptGraver, "keep a graver or earlier revocation",
      "the file gives a lesser reason or a later time; `avouch revoke` can change what is kept")
  }

  private static func report(_ kept: ImportSummary.Kept, _ what: String, _ why: String) {
    guard kept.count > 0 else { return }
    let examples = kept.examples.map(\.hexadecimal).joined(separator: ", ")
    let news = kept.updated > 0 ? ", \(kept.updated) of them with other news" : ""
    Terminal.print("\(kept.count) \(what)\(news), as \(examples): \(why)")
  }
}
