import CalendarTime
import DER
import Foundation
import OCSP
import OpenSSLCrypto
import Records
import Responder

/// A CA with a key in memory, which makes CRLs of whatever kind.
struct TestAuthority {
  struct Entry {
    var serial: SerialNumber
    var reason: RevocationReason?
    var time: UnixTime

    init(_ serial: SerialNumber, _ reason: RevocationReason? = .keyCompromise, at time: UnixTime) {
      self.serial = serial
      self.reason = reason
      self.time = time
    }
  }

  let certificate: Certificate
  private let signer: SoftwareSigner

  init(name: String = "CRL CA", kind: KeyKind = .p256, padding: SignatureScheme.Padding = .pkcs1) throws {
    let key = try PrivateKey.generate(kind)
    let now = Int64(Date().timeIntervalSince1970)
    certificate = try CertificateTemplate(
      subject: [("CN", name)], serialOctets: [1], notBefore: UnixTime(seconds: now - 86_400),
      notAfter: UnixTime(seconds: now + 86_400), extensions: []
    ).sign(key: key, issuer: nil, issuerKey: key)
    signer = SoftwareSigner(key: key, scheme: try SignatureScheme(key: kind, digest: nil, padding: padding))
  }

  /// - Parameters:
  ///   - number: nil leaves the extension out.
  ///   - base: makes it a delta CRL.
  ///   - distributionPoint: the octets of an issuingDistributionPoint.
  func list(
    _ entries: [Entry], number: UInt8?, thisUpdate: UnixTime, nextUpdate: UnixTime? = nil, base: UInt8? = nil,
    distributionPoint: [UInt8]? = nil
  ) throws -> [UInt8] {
    var body = DERWriter()
    body.sequence { body in
      body.primitive(.integer, [1])
      body.encoded(signer.signatureAlgorithm)
      body.encoded(certificate.subjectName)
      body.generalizedTime(thisUpdate)
      body.generalizedTime(nextUpdate ?? thisUpdate.advanced(bySeconds: 86_400))
      if !entries.isEmpty { body.sequence { list in for entry in entries { TestAuthority.write(entry, &list) } } }
      var extensions: [OCSPExtension] = []
      if let number { extensions.append(TestAuthority.number(0x14, number)) }
      if let base { extensions.append(TestAuthority.number(0x1B, base)) }
      if let distributionPoint {
        extensions.append(
          OCSPExtension(identifier: [0x55, 0x1D, 0x1C], isCritical: true, value: distributionPoint))
      }
      guard !extensions.isEmpty else { return }
      body.constructed(.context(0)) { $0.sequence { list in for one in extensions { list.encoded(one.encoded()) } } }
    }
    let tbs = body.finish()
    let signature = try signer.openSession().sign(tbs)
    var writer = DERWriter()
    writer.sequence { writer in
      writer.encoded(tbs)
      writer.encoded(signer.signatureAlgorithm)
      writer.bitString(signature)
    }
    return writer.finish()
  }

  private static func number(_ identifier: UInt8, _ value: UInt8) -> OCSPExtension {
    OCSPExtension(identifier: [0x55, 0x1D, identifier], value: [0x02, 0x01, value])
  }

  private static func write(_ entry: Entry, _ writer: inout DERWriter) {
    writer.sequence { writer in
      writer.primitive(.integer, entry.serial.octets)
      writer.generalizedTime(entry.time)
      guard let reason = entry.reason else { return }
      let field = OCSPExtension(identifier: [0x55, 0x1D, 0x15], value: [0x0A, 0x01, reason.rawValue])
      writer.sequence { $0.encoded(field.encoded()) }
    }
  }
}
