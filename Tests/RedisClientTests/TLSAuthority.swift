import CalendarTime
import Glibc
import OpenSSLCrypto
import RedisTestSupport
import Responder

/// A certificate authority of the tests, and files that it has made.
struct TLSAuthority {
  let folder = TestFolder.make()
  private let key: PrivateKey
  private let certificate: Certificate

  var file: String { folder + "/ca.pem" }

  init() throws {
    key = try PrivateKey.generate(.p256)
    certificate = try CertificateTemplate(
      subject: [("CN", "Redis test CA")], serialOctets: [1], notBefore: TLSAuthority.days(-30),
      notAfter: TLSAuthority.days(30),
      extensions: [("basicConstraints", "critical,CA:TRUE"), ("keyUsage", "critical,keyCertSign,cRLSign")]
    ).sign(key: key, issuer: nil, issuerKey: key)
    TestFolder.write(String(decoding: certificate.pem, as: UTF8.self), to: file)
  }

  /// A certificate and its key, as files `NAME.pem` and `NAME-key.pem`.
  ///
  /// - Parameter names: as in subjectAltName: `DNS:localhost,IP:127.0.0.1`.
  func make(_ name: String, names: String, untilDays: Int64 = 10) throws -> (certificate: String, key: String) {
    let ownKey = try PrivateKey.generate(.p256)
    let made = try CertificateTemplate(
      subject: [("CN", name)], serialOctets: [UInt8.random(in: 2...120), UInt8.random(in: 0...255)],
      notBefore: TLSAuthority.days(-20), notAfter: TLSAuthority.days(untilDays),
      extensions: [
        ("basicConstraints", "critical,CA:FALSE"), ("subjectAltName", names),
        ("extendedKeyUsage", "serverAuth,clientAuth"),
      ]
    ).sign(key: ownKey, issuer: certificate, issuerKey: key)
    let paths = (certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name)-key.pem")
    TestFolder.write(String(decoding: made.pem, as: UTF8.self), to: paths.certificate)
    TestFolder.write(String(decoding: ownKey.pem, as: UTF8.self), to: paths.key)
    return paths
  }

  private static func days(_ count: Int64) -> UnixTime {
    UnixTime(seconds: Int64(time(nil)) + count * 86_400)
  }

  /// A server with the certificate of that name. FOLDER in its options is its own.
  func server(
    _ name: String, names: String = "DNS:localhost,IP:127.0.0.1", untilDays: Int64 = 10, asksClients: Bool = false,
    options: [String] = []
  ) async throws -> RedisServer {
    let files = try make(name, names: names, untilDays: untilDays)
    return await RedisServer { port, folder in
      RedisServer.usual(folder) + [
        "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", files.certificate, "--tls-key-file", files.key,
        "--tls-ca-cert-file", file, "--tls-auth-clients", asksClients ? "yes" : "no",
      ] + options.map { $0.replacing("FOLDER", with: folder) }
    }
  }
}
