import Configuration
import OCSP
import Responder

/// Looks at what goes into an import, and warns of what is possible and probably not meant.
///
/// The records are taken as they are: they are what the CA says.
struct ImportObserver {
  private let issuer: Configuration.Issuer
  private let path: String
  private let source: String
  /// Whether the store had certificates of this issuer before.
  private let hadRecords: Bool
  private(set) var count = 0
  /// How many have a reason that the issuer's programme forbids, by what it has against it.
  private var forbidden: [String: Int] = [:]

  init(issuer: Configuration.Issuer, source: String, path: String, hadRecords: Bool) {
    self.issuer = issuer
    self.source = source
    self.path = path
    self.hadRecords = hadRecords
  }

  mutating func take(_ records: [CertificateRecord]) {
    count += records.count
    guard issuer.isPublicProgramme else { return }
    for record in records {
      guard let reason = record.revocation?.reason,
        let objection = ProgrammeRules.objection(to: reason, of: issuer)
      else { continue }
      forbidden[objection, default: 0] += 1
    }
  }

  func warnings(after summary: ImportSummary) -> [String] {
    var warnings: [String] = []
    // A CRL may well be empty; it is the CA's own word that nothing is revoked.
    if count == 0, source != "--crl" { warnings.append("\(path): there is no record in this file") }
    // A folder's certificates have been verified one by one: they are this CA's.
    if hadRecords, count > 0, summary.added == count, source != "--certs" {
      let guess =
        source == "--crl"
        ? "what this CA issued may not have been imported" : "this may be the file of another CA"
      warnings.append(
        "\(path): no certificate in it was on record, though the store had others of issuer '\(issuer.name)': \(guess)")
    }
    for (objection, number) in forbidden.sorted(by: { $0.key < $1.key }) {
      warnings.append("\(path): \(Count.text(number, "certificates")) answered as recorded: \(objection)")
    }
    return warnings
  }
}
