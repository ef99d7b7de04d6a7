import RedisTestSupport
import TLSTestSupport
import Testing

@testable import RedisClient

@Suite(.timeLimit(.minutes(2))) struct TLSTests {
  private func client(_ server: RedisServer, host: String = "127.0.0.1", _ tls: RedisTLS) throws -> TestClient {
    try TestClient(.standalone(RedisAddress(host: host, port: server.port))) { $0.tls = tls }
  }

  private func why(_ server: RedisServer, host: String = "127.0.0.1", _ tls: RedisTLS) async throws -> String? {
    await (try client(server, host: host, tls)).failure(RedisCommand("PING"))?.reason.why
  }

  @Test func aServerIsKnownByItsNameOrItsAddress() async throws {
    let authority = try TLSAuthority()
    let server = try await authority.server("good")
    let tls = RedisTLS(authorityFile: authority.file)
    for host in ["127.0.0.1", "localhost"] {
      let client = try client(server, host: host, tls)
      let large = [UInt8](repeating: 9, count: 1 << 20)
      #expect(try await client.get(RedisCommand(words: [Array("SET".utf8), Array("k".utf8), large])) == .ok)
      #expect(try await client.get(RedisCommand("GET", "k")) == .bulk(large))
      let results = await client.batch((0..<2000).map { RedisCommand("ECHO", "\($0)") })
      #expect(results == (0..<2000).map { .success(.bulk("\($0)")) })
    }
    let other = try await authority.server("other", names: "DNS:redis.example")
    var named = tls
    named.serverName = "redis.example"
    #expect(try await client(other, named).get(RedisCommand("PING")) == .simple("PONG"))
  }

  @Test func aServerThatCannotBeTrustedIsRefused() async throws {
    let authority = try TLSAuthority()
    let server = try await authority.server("good")
    let refused = "TLS: the server's certificate is refused: "
    let stranger = try TLSAuthority()
    let unknown = try await why(server, RedisTLS(authorityFile: stranger.file))
    #expect(unknown?.hasPrefix(refused) == true)
    // Nor one that the system does not know.
    #expect(try await why(server, RedisTLS())?.hasPrefix(refused) == true)
    let tls = RedisTLS(authorityFile: authority.file)
    let other = try await authority.server("other", names: "DNS:redis.example,IP:127.0.0.2")
    #expect(try await why(other, tls) == refused + "IP address mismatch")
    #expect(try await why(other, host: "localhost", tls) == refused + "hostname mismatch")
    let expired = try await authority.server("expired", untilDays: -1)
    #expect(try await why(expired, tls) == refused + "certificate has expired")
  }

  @Test func aServerMayAskForACertificate() async throws {
    let authority = try TLSAuthority()
    let server = try await authority.server("asking", asksClients: true)
    var tls = RedisTLS(authorityFile: authority.file)
    let refusal = try await why(server, tls)
    #expect(refusal?.contains("certificate required") == true)
    let own = try authority.make("client", names: "DNS:avouch.example")
    tls.certificateFile = own.certificate
    #expect(try await why(server, tls) == "a client certificate needs a certificate file and a key file")
    tls.keyFile = own.key
    #expect(try await client(server, tls).get(RedisCommand("PING")) == .simple("PONG"))
    tls.keyFile = try authority.make("another", names: "DNS:another.example").key
    let mismatch = try await why(server, tls)
    #expect(mismatch?.hasPrefix("\(tls.keyFile ?? ""): no PEM private key of \(own.certificate)") == true)
    #expect(mismatch?.hasSuffix("key values mismatch") == true)
  }

  @Test func filesThatCannotBeUsedAreNamed() async throws {
    let authority = try TLSAuthority()
    let server = try await authority.server("good")
    let missing = authority.folder + "/missing.pem"
    #expect(try await why(server, RedisTLS(authorityFile: missing))?.hasPrefix("\(missing): ") == true)
    let own = try authority.make("client", names: "DNS:avouch.example")
    var tls = RedisTLS(authorityFile: authority.file, certificateFile: missing, keyFile: own.key)
    #expect(try await why(server, tls)?.hasPrefix("\(missing): no PEM certificate") == true)
    tls.certificateFile = own.certificate
    tls.keyFile = missing
    #expect(try await why(server, tls)?.hasPrefix("\(missing): no PEM private key") == true)
  }

  @Test func aClusterOfOneNodeIsReachedByNameToo() async throws {
    let authority = try TLSAuthority()
    let server = try await authority.server(
      "cluster", names: "DNS:localhost",
      options: ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-config-file", "FOLDER/nodes.conf"])
    let tls = RedisTLS(authorityFile: authority.file)
    let seed = RedisAddress(host: "localhost", port: server.port)
    let direct = try client(server, host: "localhost", tls)
    try await direct.get(RedisCommand("CLUSTER", "ADDSLOTSRANGE", "0", "16383"))
    // It has met nobody and does not know its own address: the host is the one that was asked. Slots are down at first.
    let client = try TestClient(.cluster(seeds: [seed])) { $0.tls = tls }
    #expect(try await client.get(RedisCommand("SET", "k", "v", keyAt: 1), milliseconds: 30_000) == .ok)
    #expect(client.client.nodes.map(\.address) == [seed])
  }

  @Test func aServerWithoutTLSIsNoServerWithIt() async throws {
    let server = await SharedServer.plain
    let client = try TestClient(.standalone(server.address)) { settings in
      settings.tls = RedisTLS()
      settings.times.connecting = 300
    }
    #expect(await client.failure(RedisCommand("PING"))?.reason.why == "TLS: no handshake within 300 ms")
  }
}
