import EventLoop
import Glibc
import HTTPServer
import TLS
import TLSTestSupport
import Testing

@Suite("HTTP server with TLS: handshakes")
struct TLSHandshakeTests {
  @Test("TLS 1.2 and 1.3 are spoken, 1.1 is not")
  func versions() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { server, bound, _ in
      for (option, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let text = tls.openssl(bound, option)
        #expect(text.contains("New, \(name), Cipher is "), "\(text)")
        #expect(text.contains("get /a ") && text.contains("Verify return code: 0 (ok)"))
        #expect(text.contains("Compression: NONE"))
      }
      #expect(server.statistics().handshakes == 2)
      #expect(server.statistics().failedHandshakes == 0 && server.lastHandshakeFailure == nil)
      for option in ["-tls1_1", "-tls1"] {
        let text = tls.openssl(bound, "\(option) -cipher DEFAULT@SECLEVEL=0")
        #expect(text.contains("alert protocol version"), "\(text)")
      }
      #expect(server.statistics().failedHandshakes == 2 && server.statistics().handshakes == 2)
      #expect(server.lastHandshakeFailure == "TLS: the handshake failed: unsupported protocol")
    }
  }

  @Test("who negotiates a protocol gets http/1.1, or is told that there is none in common")
  func protocols() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { server, bound, _ in
      let text = tls.openssl(bound, "-alpn h2,http/1.1")
      #expect(text.contains("ALPN protocol: http/1.1") && text.contains("get /a "), "\(text)")
      #expect(tls.openssl(bound, "").contains("No ALPN negotiated"))
      let other = tls.openssl(bound, "-alpn h2")
      #expect(other.contains("alert no application protocol"), "\(other)")
      #expect(server.statistics().failedHandshakes == 1)
    }
  }

  @Test("nobody renegotiates; keys are changed on demand")
  func renegotiation() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { _, bound, _ in
      // s_client takes letters at the beginning of a read as commands: each is sent when the one before has shown.
      let text = tls.python(
        bound,
        """
        def session(version, command, shown):
            client = subprocess.Popen(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-CAfile", AUTHORITY, version, "-msg"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            seen = b""
            def wait(text):
                nonlocal seen
                while text not in seen:
                    more = client.stdout.read1(65536)
                    if not more:
                        return
                    seen += more
            wait(b"Extended master secret: yes\\n---\\n" if version == "-tls1_2" else b"Post-Handshake New Session Ticket arrived")
            client.stdin.write(command)
            client.stdin.flush()
            wait(shown)
            try:
                client.stdin.write(b"GET /a HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
                client.stdin.flush()
            except BrokenPipeError:
                pass
            while more := client.stdout.read1(65536):
                seen += more
            return seen
        refused = session("-tls1_2", b"R\\n", b"no_renegotiation")
        print("renegotiation:", b"no_renegotiation" in refused, b"200 OK" in refused)
        changed = session("-tls1_3", b"K\\n", b"KEYUPDATE")
        print("keys:", b"<<< TLS 1.3, Handshake [length 0005], KeyUpdate" in changed, b"get /a " in changed)
        """)
      #expect(text == "renegotiation: True False\nkeys: True True\n")
    }
  }

  @Test("where client certificates are demanded, only a valid one of the authority lets in", arguments: ["1.2", "1.3"])
  func clientCertificates(version: String) throws {
    let clients = try TLSAuthority()
    let tls = try TLSServer(clients: clients)
    try EchoServer.serve(tls: tls.context) { server, bound, _ in
      func ask(_ files: (certificate: String, key: String)?) -> String {
        let own = files.map { "--cert \($0.certificate) --key \($0.key)" } ?? ""
        return tls.curl(bound, "curl --tlsv\(version) --tls-max \(version) \(own) URL/a")
      }
      let good = try clients.make("good")
      #expect(ask(good) == "get /a ")
      #expect(server.statistics().handshakes == 1)
      let refused: [(files: (certificate: String, key: String)?, why: String)] = [
        (nil, "TLS: the handshake failed: peer did not return a certificate"),
        (
          try TLSAuthority().make("stranger"),
          "TLS: the client's certificate is refused: unable to get local issuer certificate"
        ),
        // Nor does the authority of the server vouch for clients: curl sends it along.
        (
          try tls.authority.make("other"),
          "TLS: the client's certificate is refused: self-signed certificate in certificate chain"
        ),
        (
          try clients.make("expired", untilDays: -1),
          "TLS: the client's certificate is refused: certificate has expired"
        ),
        (
          try clients.make("server-only", usage: "serverAuth"),
          "TLS: the client's certificate is refused: unsuitable certificate purpose"
        ),
      ]
      for (number, (files, why)) in refused.enumerated() {
        let text = ask(files)
        // The alert reaches the client, whatever it has sent behind its certificate; curl has words of its own for some.
        #expect(text.contains("alert") || text.contains("SSL certificate verification failed"), "\(why): \(text)")
        #expect(server.lastHandshakeFailure == why)
        #expect(server.statistics().failedHandshakes == UInt64(number + 1))
      }
      #expect(server.statistics().handshakes == 1 && server.statistics().requests == 1)
      #expect(ask(good) == "get /a ")
    }
  }

  @Test("a chain is sent with the certificate, and an authority under another vouches for its own clients alone")
  func chains() throws {
    let root = try TLSAuthority()
    let (servers, clients) = (try TLSAuthority(under: root), try TLSAuthority(under: root))
    let own = try servers.make("server")
    let chain = "\(servers.folder)/chain.pem"
    #expect(TLSServer.run("cat \(own.certificate) \(servers.file) > \(chain)") == "")
    let context = try ServerTLSContext(
      ServerTLSSettings(certificateFile: chain, keyFile: own.key, clientAuthorityFile: clients.file))
    let tls = TLSServer(authority: root, context: context)
    try EchoServer.serve(tls: context) { server, bound, _ in
      func answer(to authority: TLSAuthority) throws -> String {
        let files = try authority.make("client")
        return tls.curl(bound, "curl --cert \(files.certificate) --key \(files.key) URL/a")
      }
      let answers = (good: try answer(to: clients), root: try answer(to: root), server: try answer(to: servers))
      #expect(answers.good == "get /a " && answers.root != "get /a " && answers.server != "get /a ")
      #expect(server.statistics().handshakes == 1 && server.statistics().failedHandshakes == 2)
      // It says whom it wants.
      let text = tls.openssl(bound, "")
      #expect(text.contains("Acceptable client certificate CA names\nCN = Test CA \(clients.folder)\n"), "\(text)")
    }
  }

  @Test("each client shows its certificate each time: there are no tickets to go on with")
  func noTicketsForClients() throws {
    let clients = try TLSAuthority()
    let good = try clients.make("good")
    for (demand, isResumed) in [(nil, true), (clients, false)] {
      let tls = try TLSServer(clients: demand)
      try EchoServer.serve(tls: tls.context) { _, bound, _ in
        let text = tls.python(
          bound,
          """
          context.load_cert_chain("\(good.certificate)", "\(good.key)")
          for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
              context.minimum_version = context.maximum_version = version
              session = None
              for _ in range(2):
                  plain = socket.create_connection(("127.0.0.1", PORT), 20)
                  client = context.wrap_socket(plain, server_hostname="localhost", session=session)
                  client.sendall(b"GET /a HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
                  while client.recv(65536):
                      pass
                  reused, session = client.session_reused, client.session
              print(reused)
          """)
        #expect(text == (isResumed ? "True\nTrue\n" : "False\nFalse\n"))
      }
    }
  }

  @Test("a handshake has an end in time; a connection on which nothing comes has not failed")
  func slowHandshakes() throws {
    let tls = try TLSServer()
    var limits = ServerLimits()
    limits.headMilliseconds = 100
    try EchoServer.serve(limits: limits, tls: tls.context) { server, bound, _ in
      let silent = try TestClient(bound)
      #expect(silent.readToEnd() == "" && silent.isAtEnd)
      #expect(server.statistics().timeouts == 1 && server.statistics().failedHandshakes == 0)
      let half = try TestClient(bound)
      half.send(Array(try TLSTestClient.hello(tls.authority).dropLast(20)))
      #expect(half.readToEnd() == "" && half.isAtEnd)
      #expect(server.statistics().timeouts == 2 && server.statistics().failedHandshakes == 1)
      #expect(server.lastHandshakeFailure == "the handshake was not done within 100 ms")
      // One that has had its answer, and is silent then.
      let later = try TestClient(bound)
      later.send(try TLSTestClient.hello(tls.authority))
      #expect(later.readToEnd() != "" && later.isAtEnd)
      #expect(server.statistics().timeouts == 3 && server.statistics().failedHandshakes == 2)
      #expect(server.statistics().openConnections == 0)
    }
  }

  @Test("what is no TLS is turned away without an answer, and counted; so is who goes in the middle")
  func notTLS() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { server, bound, _ in
      let plain = try TestClient(bound)
      plain.send(EchoServer.get)
      #expect(plain.readToEnd() == "" && plain.isAtEnd)
      #expect(server.lastHandshakeFailure == "TLS: the handshake failed: http request")
      #expect(TLSServer.run("timeout 30 curl -sS http://127.0.0.1:\(bound.port ?? 0)/").contains("Empty reply"))
      var random = SystemRandomNumberGenerator()
      for count in [1, 4, 5, 100, 5000, 100_000] {
        let garbage = try TestClient(bound)
        garbage.send([0x80] + (1..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
        garbage.shutdownSending()
        _ = garbage.readToEnd()
        #expect(garbage.isAtEnd && !garbage.isReset, "\(count) octets")
      }
      let gone = try TestClient(bound)
      gone.send(try TLSTestClient.hello(tls.authority))
      #expect(!gone.receive().isEmpty)
      gone.shutdownSending()
      _ = gone.readToEnd()
      #expect(server.lastHandshakeFailure == "the connection ended before the handshake was done")
      #expect(server.statistics().failedHandshakes == 9 && server.statistics().handshakes == 0)
      #expect(server.statistics().requests == 0)
      #expect(tls.openssl(bound, "").contains("get /a "), "the server goes on")
    }
  }

  @Test("a handshake whose octets come one by one is one")
  func trickle() throws {
    let tls = try TLSServer()
    try EchoServer.serve(tls: tls.context) { _, bound, _ in
      let text = tls.python(
        bound,
        """
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        plain = socket.create_connection(("127.0.0.1", PORT), 20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        def patiently(call):
            while True:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    send()
                    incoming.write(plain.recv(65536))
        def send():
            for octet in outgoing.read():
                plain.sendall(bytes([octet]))
        patiently(session.do_handshake)
        session.write(b"POST /x HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 3\\r\\n\\r\\nabc")
        print(patiently(lambda: session.read(65536)).decode().splitlines()[-1])
        """)
      #expect(text == "post /x abc\n")
    }
  }
}
