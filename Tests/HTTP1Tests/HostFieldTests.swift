import Testing

@testable import HTTP1

/// Hosts of requests (RFC 9112 3.2): uri-host and port of RFC 3986 3.2.
@Suite("Host")
struct HostFieldTests {
  private func error(_ request: String) -> HTTPError? {
    do throws(HTTPError) {
      _ = try RequestParser.parse(Array(request.utf8).span, limits: .init())
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "a host in any of its forms is taken",
    arguments: [
      "", "a", "ocsp.example", "OCSP.Example.", "ocsp_1.example", "10.0.0.1", "10.0.0.1:8080", "a:", "a:0", "a:00080",
      "a:65535", ":80", "-a~b", "a%20b", "%C3%A4.example:80", "a!$&'()*+,;=", "1.2.3.999", "[::]", "[::1]:80", "[1::]",
      "[2001:db8::7]", "[2001:DB8:0:0:8:800:200C:417A]", "[::ffff:10.0.0.1]", "[1:2:3:4:5:6:10.0.0.255]:1", "[::1]:",
      "[1:2:3:4:5:6:7::]", "[v1.a:b]", "[vF.x]:80",
    ])
  func valid(host: String) {
    #expect(error("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == nil)
    #expect(error("GET / HTTP/1.1\r\nHost:\(host) \t\r\n\r\n") == nil)
  }

  @Test(
    "what is no host is refused in HTTP/1.1, and overlooked in HTTP/1.0 (standards, quirk 11)",
    arguments: [
      "a b", "a\tb", "user@a", "user:word@a", "a/b", "a?b", "a#b", "http://a", "a\\b", "a\"b", "<a>", "a|b", "a^b",
      "a:abc", "a:80x", "a:-1", "a:+80", "a: 80", "a:65536", "a:99999", "a:99999999999999999999999", "a:80:80", "::1",
      "%", "a%2", "a%zz", "ä", "a, b", "[", "[::1", "[::1:80", "::1]", "[]", "[]:80", "[a]", "[::1]a", "[::1]80",
      "[::1]:a", "[::1]]", "[[::1]]", "[:::]", "[1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]",
      "[::1::2]", "[:1]", "[1:]", "[12345::]", "[::g]", "[::1.2.3]", "[::1.2.3.4.5]", "[::1.2.3.256]", "[::01.2.3.4]",
      "[1.2.3.4]", "[::1.2.3.4:5]", "[1:2:3:4:5:6:7:1.2.3.4]", "[fe80::1%25eth0]", "[v.a]", "[v1.]", "[v1]", "[vg.a]",
      "[v1.a/]", "[::1:]", "[1:2:3:4:5:6:7:8:]",
    ])
  func invalid(host: String) {
    #expect(error("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == .badRequest(.host))
    #expect(error("GET / HTTP/1.9\r\nHost: \(host)\r\n\r\n") == .badRequest(.host))
    #expect(error("GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n") == nil)
  }

  @Test("all 256 octets in a host: unreserved, sub-delims and what begins a port are taken")
  func octets() {
    let taken = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:".utf8)
    for octet in UInt8.min...UInt8.max where octet != 0x0A {
      let request = Array("GET / HTTP/1.1\r\nHost: a".utf8) + [octet] + Array("0\r\n\r\n".utf8)
      let isTaken = (try? RequestParser.parse(request.span, limits: .init())) != nil
      #expect(isTaken == taken.contains(octet), "octet \(octet)")
    }
  }

  @Test("two Hosts are refused in either version, though they are the same")
  func twice() {
    for version in ["1.0", "1.1"] {
      #expect(error("GET / HTTP/\(version)\r\nHost: a\r\nhost: a\r\n\r\n") == .badRequest(.host))
    }
  }

  @Test(
    "the authority of an absolute target is a host, and not an empty one (RFC 9110 4.2)",
    arguments: [
      ("http://a/", true), ("http://a_b:80", true), ("https://[::1]/x", true), ("http://10.0.0.1?x", true),
      ("http:///", false), ("http://", false), ("http://:80/", false), ("http://user@a/", false),
      ("http://[::1/", false), ("http://a:x/", false), ("http://a:99999/", false), ("http:a", false),
      ("ftp://a/", false),
    ])
  func authorities(target: String, isTaken: Bool) {
    #expect(error("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") == (isTaken ? nil : .badRequest(.target)))
  }
}
