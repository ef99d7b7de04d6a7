import Glibc
import TLS
import TLSTestSupport
import Testing

@Suite("A server's files for TLS")
struct ServerTLSContextTests {
  /// Shakes hands in memory; gives the failure of either end.
  private func handshake(_ server: TLSSession, _ client: TLSSession) throws {
    var isDone = (server: false, client: false)
    while !isDone.server || !isDone.client {
      isDone.client = try client.handshake()
      carry(client, server)
      isDone.server = try server.handshake()
      carry(server, client)
    }
  }

  private func carry(_ from: TLSSession, _ to: TLSSession) {
    var wire: [UInt8] = []
    from.takeWire(&wire)
    unsafe wire.withUnsafeBytes { unsafe to.receive($0) }
  }

  @Test("files that cannot be used are named, with the reason")
  func unusableFiles() throws {
    let authority = try TLSAuthority()
    let own = try authority.make("own")
    let other = try authority.make("other")
    let missing = authority.folder + "/missing.pem"
    let empty = authority.folder + "/empty.pem"
    TLSFolder.write("", to: empty)
    func why(_ certificate: String, _ key: String, _ clients: String? = nil) -> String {
      let settings = ServerTLSSettings(certificateFile: certificate, keyFile: key, clientAuthorityFile: clients)
      return #expect(throws: TLSFailure.self) { _ = try ServerTLSContext(settings) }?.why ?? ""
    }
    #expect(why(missing, own.key) == "\(missing): no PEM certificate can be read: No such file or directory")
    #expect(why(empty, own.key).hasPrefix("\(empty): no PEM certificate can be read: "))
    let noKey = ": no PEM private key of \(own.certificate) without passphrase can be read: "
    #expect(why(own.certificate, missing).hasPrefix(missing + noKey))
    #expect(why(own.certificate, other.key) == other.key + noKey + "key values mismatch")
    #expect(why(own.certificate, own.key, missing).hasPrefix("\(missing): no certificates of authorities can be read"))
    #expect(why(own.certificate, own.key, empty).hasPrefix("\(empty): no certificates of authorities can be read"))
    let sealed = authority.folder + "/sealed.pem"
    #expect(unsafe system("openssl pkey -in \(own.key) -aes256 -passout pass:1234 -out \(sealed)") == 0)
    #expect(why(own.certificate, sealed).hasPrefix(sealed + noKey))
  }

  @Test("a key that others may read is told of")
  func exposedKeys() throws {
    let own = try TLSAuthority().make("own")
    let context = try ServerTLSContext(ServerTLSSettings(certificateFile: own.certificate, keyFile: own.key))
    #expect(context.warnings == [])
    unsafe chmod(own.key, 0o640)
    #expect(
      context.warnings == ["\(own.key): its mode is 640, so that others than its owner may get at it; 600 is expected"])
  }

  @Test("a session keeps to the files that were in force when it began")
  func sessionsAndReload() throws {
    let (old, new) = (try TLSAuthority(), try TLSAuthority())
    let files = (old: try old.make("own"), new: try new.make("own"))
    let context = try ServerTLSContext(
      ServerTLSSettings(certificateFile: files.old.certificate, keyFile: files.old.key))
    func client(_ authority: TLSAuthority) throws -> TLSSession {
      try TLSSession(
        ClientTLSContext(authorityFile: authority.file, certificateFile: nil, keyFile: nil), server: "localhost")
    }
    let begun = try TLSSession(context)
    try context.reload(ServerTLSSettings(certificateFile: files.new.certificate, keyFile: files.new.key))
    try handshake(begun, try client(old))
    try handshake(try TLSSession(context), try client(new))
    let failure = #expect(throws: TLSFailure.self) { try handshake(try TLSSession(context), try client(old)) }
    #expect(failure?.why.hasPrefix("TLS: the server's certificate is refused: ") == true)
  }

  @Test("octets pass in both directions, record by record, and the end is told")
  func octets() throws {
    let authority = try TLSAuthority()
    let own = try authority.make("own")
    let server = try TLSSession(
      ServerTLSContext(ServerTLSSettings(certificateFile: own.certificate, keyFile: own.key)))
    let client = try TLSSession(
      ClientTLSContext(authorityFile: authority.file, certificateFile: nil, keyFile: nil), server: "localhost")
    try handshake(server, client)
    var wire: [UInt8] = []
    let sent = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 256) }
    try client.write(sent.span, appendingTo: &wire)
    #expect(!server.hasUnread)
    var received: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    func read() throws -> TLSSession.Read {
      try unsafe chunk.withUnsafeMutableBytes { buffer throws(TLSFailure) in
        let read = try unsafe server.read(buffer)
        return read
      }
    }
    for (place, octet) in wire.enumerated() {
      unsafe withUnsafeBytes(of: octet) { unsafe server.receive($0) }
      while case .bytes(let count) = try read() { received += chunk[..<count] }
      #expect(place == wire.count - 1 || received.count < sent.count)
    }
    #expect(received == sent && !server.hasUnread)
    unsafe [UInt8](arrayLiteral: 23, 3, 3).withUnsafeBytes { unsafe server.receive($0) }
    #expect(try read() == .none && server.hasUnread)
  }

  @Test("a session that has failed says the same again, and does nothing more")
  func failedSessions() throws {
    let own = try TLSAuthority().make("own")
    let server = try TLSSession(
      ServerTLSContext(ServerTLSSettings(certificateFile: own.certificate, keyFile: own.key)))
    let words = Array("GET / HTTP/1.1\r\n".utf8)
    unsafe words.withUnsafeBytes { unsafe server.receive($0) }
    for _ in 0..<2 {
      let failure = #expect(throws: TLSFailure.self) { _ = try server.handshake() }
      #expect(failure?.why == "TLS: the handshake failed: http request")
    }
    #expect(throws: TLSFailure.self) { try server.write(words.span) }
    server.close()
    var wire: [UInt8] = []
    server.takeWire(&wire)
    #expect(wire.isEmpty)
  }
}
