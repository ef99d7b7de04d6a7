public import CalendarTime
import OCSP
public import OpenSSLCrypto
public import Records

/// A CRL whose name, signature and dates have been looked at: what `avouch import --crl` and the CRL watcher begin with.
public struct VerifiedCRL: Sendable {
  /// So far thisUpdate may be ahead: clocks differ.
  private static let toleranceSeconds: Int64 = 300

  public let list: CertificateList
  /// What an operator should know of it, though it is taken.
  public let warnings: [String]

  /// - Parameters:
  ///   - file: DER or PEM.
  ///   - name: the file's name or its URL, for messages.
  ///   - takesDeltas: whether a delta CRL will do.
  /// - Throws: for whatever is not this issuer's word as of now; the message names the CRL.
  public init(
    file: consuming [UInt8], name: String, issuer: Certificate, now: UnixTime, takesDeltas: Bool
  ) throws {
    let der = try PEM.der(in: file, labels: ["X509 CRL"], name: name)
    try self.init(der: der, name: name, issuer: issuer, now: now, takesDeltas: takesDeltas)
  }

  private init(
    der: consuming [UInt8], name: String, issuer: Certificate, now: UnixTime, takesDeltas: Bool
  ) throws(RecordError) {
    let list = try CertificateList(der: der, name: name, takesDeltas: takesDeltas)
    guard list.issuerName == issuer.subjectName else {
      throw RecordError("\(name): this CRL is of another issuer than \(issuer.subjectText)")
    }
    let isValid = SignatureVerifier.isValid(
      in: list.octets, signature: list.signature, message: list.tbsCertList, algorithm: list.signatureAlgorithm,
      by: issuer)
    guard isValid else { throw RecordError("\(name): the signature is not that of \(issuer.subjectText)") }
    guard list.thisUpdate <= now.advanced(bySeconds: VerifiedCRL.toleranceSeconds) else {
      throw RecordError("\(name): thisUpdate lies in the future: \(list.thisUpdate.iso8601)")
    }
    var warnings: [String] = []
    if let nextUpdate = list.nextUpdate, nextUpdate < now {
      warnings.append("\(name): this CRL ended at \(nextUpdate.iso8601); there must be a newer one")
    }
    if let scope = list.scope {
      warnings.append(
        "\(name): this CRL is about \(scope); import the CA's other CRLs too, what they list is not in this one")
    }
    self.list = list
    self.warnings = warnings
  }
}
