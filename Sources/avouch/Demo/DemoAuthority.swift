import CalendarTime
import OCSP
import OpenSSLCrypto
import Responder

/// A toy CA in a folder: keys, certificates and an index.txt, as `openssl ca` would leave them.
struct DemoAuthority {
  static let issuerName = "demo"
  private static let day: Int64 = 86_400

  let folder: String

  /// One certificate of the toy CA.
  private struct Leaf {
    var file: String
    var reason: RevocationReason?
    /// Whether the records know it.
    var isOnRecord = true
  }

  private static let leaves = [
    Leaf(file: "good"), Leaf(file: "good-2"),
    Leaf(file: "revoked-keyCompromise", reason: .keyCompromise),
    Leaf(file: "revoked-cessationOfOperation", reason: .cessationOfOperation),
    Leaf(file: "revoked-superseded", reason: .superseded),
    Leaf(file: "revoked-certificateHold", reason: .certificateHold),
    Leaf(file: "unknown", isOnRecord: false),
  ]

  /// Makes what is not there. False where all of it was, and its responder certificate still has time.
  func make(now: UnixTime) throws -> Bool {
    try Files.makeFolder(folder)
    if isComplete() {
      let responder = try Certificate(
        file: try Files.read(path("responder.pem"), what: "the responder's certificate"), name: path("responder.pem"))
      if responder.notAfter > now.advanced(bySeconds: 7 * DemoAuthority.day) { return false }
      try makeResponder(try authority(), now: now)
      return false
    }
    let key = try PrivateKey.generate(.p256)
    let template = CertificateTemplate(
      subject: [("O", "Avouch Demo"), ("CN", "Avouch Demo CA")], serialOctets: try newSerial(), notBefore: now,
      notAfter: now.advanced(bySeconds: 3650 * DemoAuthority.day),
      extensions: [
        ("basicConstraints", "critical,CA:TRUE"), ("keyUsage", "critical,keyCertSign,cRLSign,digitalSignature"),
        ("subjectKeyIdentifier", "hash"),
      ])
    let certificate = try template.sign(key: key, issuer: nil, issuerKey: key)
    try Files.write(certificate.pem, to: path("ca.pem"))
    try Files.write(key.pem, to: path("ca.key"), isSecret: true)
    let made = Authority(certificate: certificate, key: key)
    try makeResponder(made, now: now)
    try makeLeaves(made, now: now)
    return true
  }

  private struct Authority {
    var certificate: Certificate
    var key: PrivateKey
  }

  private func path(_ name: String) -> String { folder + "/" + name }

  private func isComplete() -> Bool {
    let names = ["ca.pem", "ca.key", "responder.pem", "responder.key", "index.txt"]
    return (names + DemoAuthority.leaves.map { $0.file + ".pem" }).allSatisfy { Files.exists(path($0)) }
  }

  private func authority() throws -> Authority {
    Authority(
      certificate: try Certificate(
        file: try Files.read(path("ca.pem"), what: "the demo CA's certificate"), name: path("ca.pem")),
      key: try PrivateKey(
        file: try Files.read(path("ca.key"), what: "the demo CA's key"), name: path("ca.key"), passphrase: nil))
  }

  /// The certificate that TLS BR 7.1.2.8 describes.
  private func makeResponder(_ authority: Authority, now: UnixTime) throws {
    let key = try PrivateKey.generate(.p256)
    let template = CertificateTemplate(
      subject: [("O", "Avouch Demo"), ("CN", "Avouch Demo Responder")], serialOctets: try newSerial(), notBefore: now,
      notAfter: now.advanced(bySeconds: 90 * DemoAuthority.day),
      extensions: [
        ("authorityKeyIdentifier", "keyid"), ("subjectKeyIdentifier", "hash"),
        ("keyUsage", "critical,digitalSignature"), ("extendedKeyUsage", "OCSPSigning"), ("noCheck", "ignored"),
      ])
    let certificate = try template.sign(key: key, issuer: authority.certificate, issuerKey: authority.key)
    try Files.write(key.pem, to: path("responder.key"), isSecret: true)
    try Files.write(certificate.pem, to: path("responder.pem"))
  }

  private func makeLeaves(_ authority: Authority, now: UnixTime) throws {
    var index = ""
    for leaf in DemoAuthority.leaves {
      let key = try PrivateKey.generate(.p256)
      let serial = try newSerial()
      let notAfter = now.advanced(bySeconds: 365 * DemoAuthority.day)
      let host = "\(leaf.file.lowercased()).demo.example"
      let template = CertificateTemplate(
        subject: [("CN", host)], serialOctets: serial, notBefore: now, notAfter: notAfter,
        extensions: [
          ("authorityKeyIdentifier", "keyid"), ("keyUsage", "critical,digitalSignature"),
          ("extendedKeyUsage", "serverAuth"), ("subjectAltName", "DNS:\(host)"),
          ("authorityInfoAccess", "OCSP;URI:http://127.0.0.1:8080/"),
        ])
      let certificate = try template.sign(key: key, issuer: authority.certificate, issuerKey: authority.key)
      try Files.write(certificate.pem, to: path(leaf.file + ".pem"))
      guard leaf.isOnRecord, let number = SerialNumber(content: serial) else { continue }
      let revocation = leaf.reason.map { "\(indexTime(now)),\($0.name)" } ?? ""
      let status = leaf.reason == nil ? "V" : "R"
      index += "\(status)\t\(indexTime(notAfter))\t\(revocation)\t\(number)\tunknown\t/CN=\(host)\n"
    }
    try Files.write(Array(index.utf8), to: path("index.txt"))
  }

  /// YYYYMMDDHHMMSSZ.
  private func indexTime(_ time: UnixTime) -> String {
    time.iso8601.filter { $0 != "-" && $0 != ":" && $0 != "T" }
  }

  /// 16 random octets, positive and without a leading zero: at least the 64 bits that TLS BR 7.1 wants.
  private func newSerial() throws -> [UInt8] {
    var octets = try SecureRandom.octets(16)
    octets[0] = octets[0] & 0x3F | 0x40
    return octets
  }
}
