import COpenSSL
import Glibc
import Synchronization

/// The files that a server speaks TLS with.
public struct ServerTLSSettings: Sendable, Hashable {
  /// PEM: the server's certificate, and the chain behind it.
  public var certificateFile: String
  /// PEM, not encrypted.
  public var keyFile: String
  /// PEM: certificates that vouch for clients. Each is believed as it stands, whoever has signed it. Nil asks clients
  /// for nothing; otherwise a client without a valid certificate is refused in the handshake.
  public var clientAuthorityFile: String?

  public init(certificateFile: String, keyFile: String, clientAuthorityFile: String? = nil) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.clientAuthorityFile = clientAuthorityFile
  }
}

/// Who a server is and whom it lets in: TLS 1.2 and 1.3, `http/1.1` where the client negotiates protocols (RFC 7301).
///
/// The files are read in `init` and when the owner says so, on SIGHUP perhaps: handshakes that begin afterwards go by
/// what was read last, open connections go on. Any thread may call.
public final class ServerTLSContext: Sendable {
  private struct State {
    var settings: ServerTLSSettings
    var context: TLSContext
  }

  private let state: Mutex<State>

  public init(_ settings: ServerTLSSettings) throws(TLSFailure) {
    state = Mutex(State(settings: settings, context: try ServerTLSContext.load(settings)))
  }

  /// Reads the files again. Where one of them cannot be used it throws, and what was read before stays in force.
  ///
  /// - Parameter settings: other files from now on; nil for those of the last time.
  public func reload(_ settings: ServerTLSSettings? = nil) throws(TLSFailure) {
    let settings = settings ?? state.withLock { $0.settings }
    // Outside of the lock, which handshakes take.
    let context = try ServerTLSContext.load(settings)
    state.withLock { $0 = State(settings: settings, context: context) }
  }

  /// What to tell the operator of the files that are in force: a key that others may read.
  public var warnings: [String] {
    let key = state.withLock { $0.settings.keyFile }
    var status = stat()
    guard unsafe stat(key, &status) == 0, status.st_mode & 0o077 != 0 else { return [] }
    let mode = String(status.st_mode & 0o777, radix: 8)
    return ["\(key): its mode is \(mode), so that others than its owner may get at it; 600 is expected"]
  }

  var current: TLSContext { state.withLock { $0.context } }

  private static func load(_ settings: ServerTLSSettings) throws(TLSFailure) -> TLSContext {
    let context = try TLSContext(isServer: true)
    try context.use(certificate: settings.certificateFile, key: settings.keyFile)
    unsafe avouch_prepare_server(context.handle)
    if let file = settings.clientAuthorityFile { try demandClients(of: file, context) }
    return context
  }

  private static func demandClients(of file: String, _ context: TLSContext) throws(TLSFailure) {
    try context.trust(authorities: file)
    guard let names = unsafe SSL_load_client_CA_file(file) else {
      throw TLSFailure.openSSL("\(file): the names of the authorities cannot be read")
    }
    // So that a client with several certificates knows which one is wanted. The context owns the list from here on.
    unsafe SSL_CTX_set_client_CA_list(context.handle, names)
    unsafe SSL_CTX_set_verify(context.handle, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    unsafe avouch_check_every_client(context.handle)
  }
}
