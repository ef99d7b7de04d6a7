import CalendarTime
import Glibc
import OpenSSLCrypto
import Responder
import Synchronization

/// A certificate authority of the tests, and files that it has made.
package struct TLSAuthority: Sendable {
  package let folder = TLSFolder.make()
  private let key: PrivateKey
  private let certificate: Certificate

  /// Its own certificate.
  package var file: String { folder + "/ca.pem" }

  /// - Parameter superior: who signs its certificate; nil makes a root.
  package init(under superior: TLSAuthority? = nil) throws {
    key = try PrivateKey.generate(.p256)
    certificate = try CertificateTemplate(
      // No two have one name: who is refused is refused for the right reason.
      subject: [("CN", "Test CA \(folder)")], serialOctets: [1], notBefore: TLSAuthority.days(-30),
      notAfter: TLSAuthority.days(30),
      extensions: [("basicConstraints", "critical,CA:TRUE"), ("keyUsage", "critical,keyCertSign,cRLSign")]
    ).sign(key: key, issuer: superior?.certificate, issuerKey: superior?.key ?? key)
    TLSFolder.write(String(decoding: certificate.pem, as: UTF8.self), to: file)
  }

  /// A certificate and its key, as files `NAME.pem` and `NAME-key.pem`.
  ///
  /// - Parameters:
  ///   - names: as in subjectAltName.
  ///   - usage: as in extendedKeyUsage.
  package func make(
    _ name: String, names: String = "DNS:localhost,IP:127.0.0.1", untilDays: Int64 = 10,
    usage: String = "serverAuth,clientAuth"
  ) throws -> (certificate: String, key: String) {
    let ownKey = try PrivateKey.generate(.p256)
    let made = try CertificateTemplate(
      subject: [("CN", name)], serialOctets: [UInt8.random(in: 2...120), UInt8.random(in: 0...255)],
      notBefore: TLSAuthority.days(-20), notAfter: TLSAuthority.days(untilDays),
      extensions: [
        ("basicConstraints", "critical,CA:FALSE"), ("subjectAltName", names),
        ("extendedKeyUsage", usage),
      ]
    ).sign(key: ownKey, issuer: certificate, issuerKey: key)
    let paths = (certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name)-key.pem")
    TLSFolder.write(String(decoding: made.pem, as: UTF8.self), to: paths.certificate)
    TLSFolder.write(String(decoding: ownKey.pem, as: UTF8.self), to: paths.key)
    unsafe chmod(paths.key, 0o600)
    return paths
  }

  private static func days(_ count: Int64) -> UnixTime {
    UnixTime(seconds: Int64(time(nil)) + count * 86_400)
  }
}

/// Folders that are gone at the end of the process.
package enum TLSFolder {
  private static let root: String = {
    var template = Array("/tmp/avouch-tls-XXXXXX".utf8CString)
    let made = unsafe String(cString: mkdtemp(&template))
    atexit { unsafe system("rm -rf \(TLSFolder.root)") }
    return made
  }()

  private static let count = Atomic<Int>(0)

  package static func make() -> String {
    let folder = "\(root)/\(count.add(1, ordering: .relaxed).newValue)"
    unsafe mkdir(folder, 0o700)
    return folder
  }

  package static func write(_ text: String, to path: String) {
    guard let file = unsafe fopen(path + ".new", "w") else { fatalError("\(path): cannot be written") }
    unsafe fputs(text, file)
    unsafe fclose(file)
    unsafe rename(path + ".new", path)
  }
}
