import CalendarTime
import OCSP
import OpenSSLCrypto
import Records
import Responder
import ResponderRuntime

/// `avouch import`.
enum ImportCommand {
  static let usage = """
    usage: avouch import --config FILE --issuer NAME (--index FILE | --crl FILE | --certs DIR | --csv FILE)

    Takes in what a CA issued and revoked. All of it is taken, or nothing; importing again changes only what changed.
    The command ends when the responder that runs on this configuration, if one does, answers so.
    A certificate that is revoked stays so, whatever the file says, unless its reason is certificateHold.

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
    case .applied: Terminal.print("the running responder answers so from now on")
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
    var count = 0
    let summary = try access.session.importRecords(
      issuer: access.issuer, assertsStatus: source != "--certs", source: path, at: SystemClock().now()
    ) {
      let batch = try reader.next()
      count += batch?.count ?? 0
      progress.update(fraction: reader.progress, count: count)
      return batch
    }
    progress.finish(count: count)
    return summary
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
    let der = try PEM.der(in: try Files.read(path, what: "a CRL"), labels: ["X509 CRL"], name: path)
    let list = try CertificateList(der: der, name: path)
    guard list.issuerName == access.certificate.subjectName else {
      throw CommandFailure.no(
        "\(path): this CRL is of another issuer than \(access.certificate.subjectText)")
    }
    let isValid = SignatureVerifier.isValid(
      Array(der[list.signature]), over: Array(der[list.tbsCertList]),
      algorithm: Array(der[list.signatureAlgorithm]), by: access.certificate)
    guard isValid else {
      throw CommandFailure.no("\(path): the signature is not that of \(access.certificate.subjectText)")
    }
    let now = SystemClock().now()
    guard list.thisUpdate <= now.advanced(bySeconds: 300) else {
      throw CommandFailure.no("\(path): thisUpdate lies in the future: \(list.thisUpdate.iso8601)")
    }
    if let nextUpdate = list.nextUpdate, nextUpdate < now {
      Terminal.printError("warning: \(path): this CRL ended at \(nextUpdate.iso8601); there must be a newer one")
    }
    if let scope = list.scope {
      Terminal.printError(
        "warning: \(path): this CRL is about \(scope); import the CA's other CRLs too, what they list is not in this one"
      )
    }
    return CRLReader(list)
  }

  private static func report(_ summary: ImportSummary) {
    Terminal.print(
      "\(summary.added) added, \(summary.changed) changed, \(summary.unchanged) unchanged; "
        + "\(summary.revoked) of the added and changed ones are revoked")
    guard summary.keptRevoked > 0 else { return }
    let examples = summary.keptRevokedExamples.map(\.hexadecimal).joined(separator: ", ")
    let news = summary.keptRevokedUpdated > 0 ? ", \(summary.keptRevokedUpdated) of them with other news" : ""
    Terminal.print(
      "\(summary.keptRevoked) stay revoked\(news), as \(examples): the file says good or certificateHold of them, and only "
        + "certificateHold can be lifted")
  }
}

/// The certificates of a folder, in the order of the files' names.
private final class CertificateFolderReader: RecordReader {
  private let folder: String
  private let names: [String]
  private let issuer: Certificate
  private var position = 0
  private var seen: [SerialNumber: String] = [:]

  init(_ folder: String, issuer: Certificate) throws(CommandFailure) {
    self.folder = folder
    self.issuer = issuer
    names = try Files.list(folder).filter { name in
      !name.hasPrefix(".") && !Files.isFolder(folder + "/" + name)
    }
    guard !names.isEmpty else { throw .no("\(folder): there is no file in this folder; certificates are expected") }
  }

  var progress: Double { Double(position) / Double(names.count) }

  func next() throws(RecordError) -> [CertificateRecord]? {
    guard position < names.count else { return nil }
    var records: [CertificateRecord] = []
    while position < names.count, records.count < 256 {
      records += try read(folder + "/" + names[position])
      position += 1
    }
    return records
  }

  private func read(_ path: String) throws(RecordError) -> [CertificateRecord] {
    do {
      let octets = try Files.read(path, what: "a certificate")
      if octets.first == 0x30 { return [try record(octets, path)] }
      let blocks = try PEM.blocks(in: octets).filter { $0.label == "CERTIFICATE" || $0.label == "TRUSTED CERTIFICATE" }
      guard !blocks.isEmpty else {
        throw RecordError("\(path): no certificate in it; expected PEM with BEGIN CERTIFICATE, or DER")
      }
      return try blocks.map { try record($0.der, path) }
    } catch let error as RecordError {
      throw error
    } catch {
      throw RecordError("\(error)")
    }
  }

  private func record(_ der: [UInt8], _ path: String) throws -> CertificateRecord {
    let certificate = try Certificate(der: der, name: path)
    guard certificate.issuerName == issuer.subjectName, certificate.isSigned(by: issuer) else {
      throw RecordError("\(path): \(certificate.subjectText) was not issued by \(issuer.subjectText)")
    }
    guard let serial = SerialNumber(content: certificate.serialOctets) else {
      throw RecordError("\(path): the serial number has no or over \(SerialNumber.maximumOctets) octets")
    }
    if let other = seen.updateValue(path, forKey: serial) {
      throw RecordError("\(path): the serial \(serial) is that of \(other) too")
    }
    return CertificateRecord(serial: serial, notAfter: certificate.notAfter)
  }
}
