import RedisTestSupport
import TLSTestSupport

extension TLSAuthority {
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
