import OCSP
import OpenSSLCrypto
import Records
import Responder

/// The certificates of a folder, in the order of the files' names. Here and not among the readers of `Records`, since it needs
/// signatures verified and files opened; used by one thread.
final class CertificateFolderReader: RecordReader {
  private let folder: String
  private let names: [String]
  private let issuer: Certificate
  private var position = 0
  private var seen: [SerialNumber: String] = [:]

  init(_ folder: String, issuer: Certificate) throws(CommandFailure) {
    self.folder = folder
    self.issuer = issuer
    names = try Files.list(folder, what: "a folder of certificates").filter { name in
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
