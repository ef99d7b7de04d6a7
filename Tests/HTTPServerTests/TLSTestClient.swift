import EventLoop
import Glibc
import TLS
import TLSTestSupport

/// A client with TLS whose octets on the wire the test has in its hands.
final class TLSTestClient {
  let socket: TestClient
  private let session: TLSSession
  private var received: [UInt8] = []
  /// Whether the server has said that nothing more comes.
  private(set) var hasSeenEnd = false

  /// Connects and shakes hands.
  ///
  /// - Parameter isWaiting: whether only the first word of the handshake is sent; `shakeHands` does the rest.
  init(_ address: ListenAddress, _ authority: TLSAuthority, isWaiting: Bool = false) throws {
    socket = try TestClient(address)
    session = try TLSTestClient.session(authority)
    if isWaiting { _ = try advance() } else { try shakeHands() }
  }

  func shakeHands() throws {
    while try !advance() { try receive() }
  }

  static func session(_ authority: TLSAuthority) throws -> TLSSession {
    try TLSSession(
      ClientTLSContext(authorityFile: authority.file, certificateFile: nil, keyFile: nil), server: "127.0.0.1")
  }

  /// The octets with which a client begins.
  static func hello(_ authority: TLSAuthority) throws -> [UInt8] {
    let session = try session(authority)
    _ = try session.handshake()
    var wire: [UInt8] = []
    session.takeWire(&wire)
    return wire
  }

  private func advance() throws -> Bool {
    let isDone = try session.handshake()
    socket.send(takeWire())
    return isDone
  }

  private func receive() throws {
    let octets = socket.receive()
    guard !octets.isEmpty else { throw TestClient.Broken() }
    unsafe octets.withUnsafeBytes { unsafe session.receive($0) }
  }

  private func takeWire() -> [UInt8] {
    var wire: [UInt8] = []
    session.takeWire(&wire)
    return wire
  }

  /// The octets of the wire that say `text`, for the test to send.
  func seal(_ text: String) throws -> [UInt8] {
    try session.write(Array(text.utf8).span)
    return takeWire()
  }

  func send(_ text: String) throws { socket.send(try seal(text)) }

  /// Says that nothing more comes, and goes on reading.
  func sendEnd() {
    session.close()
    socket.send(takeWire())
  }

  /// False where nothing more comes, with or without a word.
  private func fill() throws -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      switch try unsafe chunk.withUnsafeMutableBytes({ buffer throws(TLSFailure) in
        let read = try unsafe session.read(buffer)
        return read
      }) {
      case .bytes(let count):
        received += chunk[..<count]
        return true
      case .end:
        hasSeenEnd = true
        return false
      case .none:
        do { try receive() } catch { return false }
      }
    }
  }

  /// Everything until the end of the connection.
  func readToEnd() throws -> String {
    while try fill() {}
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// The body of the answer.
  func answer(to request: String) throws -> String? {
    try send(request)
    return try readAnswer()?.body
  }

  func readAnswer() throws -> (head: String, body: String)? {
    while true {
      if let answer = TestClient.takeAnswer(&received) { return answer }
      guard try fill() else { return nil }
    }
  }
}

/// What a server with TLS is tested with.
struct TLSServer {
  let authority: TLSAuthority
  let context: ServerTLSContext

  init(authority: TLSAuthority, context: ServerTLSContext) {
    self.authority = authority
    self.context = context
  }

  /// - Parameter clients: the authority that vouches for clients, where certificates are demanded.
  init(clients: TLSAuthority? = nil) throws {
    authority = try TLSAuthority()
    let own = try authority.make("server")
    context = try ServerTLSContext(
      ServerTLSSettings(
        certificateFile: own.certificate, keyFile: own.key, clientAuthorityFile: clients?.file))
  }

  /// Runs a program to its end and gives what it printed, both ways.
  static func run(_ command: String) -> String {
    guard let pipe = unsafe popen("exec 2>&1; " + command, "r") else { return "" }
    defer { unsafe pclose(pipe) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe fread(&chunk, 1, chunk.count, pipe)
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += chunk[..<count]
    }
  }

  /// `openssl s_client` that asks for /a and says what it negotiated.
  func openssl(_ address: ListenAddress, _ options: String) -> String {
    TLSServer.run(
      "printf 'GET /a HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' | timeout 30 openssl s_client "
        + "-connect 127.0.0.1:\(address.port ?? 0) -CAfile \(authority.file) -verify_return_error -ign_eof \(options)")
  }

  /// `curl` that trusts the server.
  func curl(_ address: ListenAddress, _ options: String) -> String {
    TLSServer.run(
      options.replacing("URL", with: "https://localhost:\(address.port ?? 0)").replacing(
        "curl ",
        with: "timeout 30 curl -sS --resolve localhost:\(address.port ?? 0):127.0.0.1 --cacert \(authority.file) "))
  }

  /// A program in Python, with `PORT` and the path of the `AUTHORITY`, and `FOLDER`, and a `context` that trusts the server.
  func python(_ address: ListenAddress, _ program: String) -> String {
    let path = "\(authority.folder)/program.py"
    let start = """
      import select, socket, ssl, subprocess
      PORT, AUTHORITY, FOLDER = \(address.port ?? 0), "\(authority.file)", "\(authority.folder)"
      context = ssl.create_default_context(cafile=AUTHORITY)
      def connect(context=context):
          plain = socket.create_connection(("127.0.0.1", PORT), 20)
          return context.wrap_socket(plain, server_hostname="localhost")

      """
    TLSFolder.write(start + program, to: path)
    return TLSServer.run("timeout 60 python3 \(path)")
  }
}
