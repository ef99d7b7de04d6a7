import CalendarTime
import OCSP
import OpenSSLCrypto
import Responder

/// A toy CA in a folder: keys, certificates and an index.txt, as `openssl ca` would leave them.
struct DemoAuthority {
  static let issuerName = "demo"
  private static let day: Int64 = 86_400

  /// A demo's own already (`DemoFolder.claim`).
  let folder: String
  let responderKey: DemoResponderKey

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

  /// Makes what is not there, and no key anew. False where the CA was there already.
  ///
  /// - Throws: where something is gone of a demo that was complete; nothing is made in its place.
  func make(now: UnixTime) throws -> Bool {
    let isNew = !Files.exists(path("index.txt"))
    if isNew {
      let authority = try makeAuthority(now: now)
      try makeResponder(authority, try responderKey.make(), now: now)
      try makeLeaves(authority, now: now)
      return true
    }
    let names = ["ca.pem", "ca.key", "responder.pem"] + DemoAuthority.leaves.map { $0.file + ".pem" }
    for name in names where !Files.exists(path(name)) { throw DemoFolder.gone(path(name)) }
    let key = try responderKey.publicKey()
    let responder = try Certificate(
      file: try Files.read(path("responder.pem"), what: "the responder's certificate"), name: path("responder.pem"))
    if responder.notAfter <= now.advanced(bySeconds: 7 * DemoAuthority.day) {
      try makeResponder(try authority(), key, now: now)
    }
    return false
  }

  private struct Authority {
    var certificate: Certificate
    var key: PrivateKey
  }

  private func path(_ name: String) -> String { folder + "/" + name }
  private var keyFile: DemoKeyFile { DemoKeyFile(folder: folder, name: "ca.key") }

  /// The CA; its key is the one that is there, where a start before this one was cut off after making it.
  private func makeAuthority(now: UnixTime) throws -> Authority {
    let key = try keyFile.make()
    let template = CertificateTemplate(
      subject: [("O", "Avouch Demo"), ("CN", "Avouch Demo CA")], serialOctets: try newSerial(), notBefore: now,
      notAfter: now.advanced(bySeconds: 3650 * DemoAuthority.day),
      extensions: [
        ("basicConstraints", "critical,CA:TRUE"), ("keyUsage", "critical,keyCertSign,cRLSign,digitalSignature"),
        ("subjectKeyIdentifier", "hash"),
      ])
    let certificate = try template.sign(key: key, issuer: nil, issuerKey: key)
    try Files.write(certificate.pem, to: path("ca.pem"))
    return Authority(certificate: certificate, key: key)
  }

  private func authority() throws -> Authority {
    Authority(
      certificate: try Certificate(
        file: try Files.read(path("ca.pem"), what: "the demo CA's certificate"), name: path("ca.pem")),
      key: try keyFile.read())
  }

  /// The certificate that TLS BR 7.1.2.8 describes.
  private func makeResponder(_ authority: Authority, _ key: PublicKey, now: UnixTime) throws {
    let template = CertificateTemplate(
      subject: [("O", "Avouch Demo"), ("CN", "Avouch Demo Responder")], serialOctets: try newSerial(), notBefore: now,
      notAfter: now.advanced(bySeconds: 90 * DemoAuthority.day),
      extensions: [
        ("authorityKeyIdentifier", "keyid"), ("subjectKeyIdentifier", "hash"),
        ("keyUsage", "critical,digitalSignature"), ("extendedKeyUsage", "OCSPSigning"), ("noCheck", "ignored"),
      ])
    let certificate = try template.sign(publicKey: key, issuer: authority.certificate, issuerKey: authority.key)
    try Files.write(certificate.pem, to: path("responder.pem"))
  }

  /// The index comes last: where it is, everything is.
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
