import EventLoop
import Testing

@Suite("Listen addresses")
struct ListenAddressTests {
  @Test(
    "what is no address is refused, with what was written and what is expected",
    arguments: [
      "", ":", "8080", "localhost", "localhost:", "256.1.1.1:80", "1.2.3:80", "[::1:80", "::1:80", "[]:80", "[::1]80",
      "[1.2.3.4]:80", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+80", "127.0.0.1: 80", "127.0.0.1:8O",
      "example.com:80", "unix:", "unix:\(String(repeating: "a", count: 108))", "unix:/a\0b",
    ])
  func refused(text: String) {
    #expect {
      try ListenAddress(text)
    } throws: { error in
      error is ListenAddressError && "\(error)".contains("'\(text)'") && "\(error)".contains("unix:/path")
    }
  }

  @Test("an address is written as it is read, and has its port")
  func written() throws {
    for (text, port) in [
      ("127.0.0.1:80", 80), ("0.0.0.0:0", 0), ("[::1]:8080", 8080), ("[2001:db8::1]:65535", 65_535), (":443", 443),
      ("unix:/run/a.sock", nil), ("unix:a:80", nil), ("unix:\(String(repeating: "a", count: 107))", nil),
    ] as [(String, UInt16?)] {
      let address = try ListenAddress(text)
      #expect(address.description == text && address.port == port)
    }
    #expect(try ListenAddress(":80") == .any(port: 80))
    #expect(try ListenAddress("localhost:80").description == "127.0.0.1:80")
    #expect(try ListenAddress("[0:0:0:0:0:0:0:1]:80") == ListenAddress("[::1]:80"))
    guard case .ipv4(let four, _) = try ListenAddress("1.2.3.4:5"),
      case .ipv6(let six, _) = try ListenAddress("[::1]:5")
    else {
      Issue.record("another kind of address")
      return
    }
    #expect(four.octets == [1, 2, 3, 4] && six.octets == [UInt8](repeating: 0, count: 15) + [1])
  }

  @Test(
    "two addresses overlap where the system refuses the second",
    arguments: [
      ("127.0.0.1:80", "127.0.0.1:80", true), ("127.0.0.1:80", "localhost:80", true),
      ("0.0.0.0:80", "10.0.0.1:80", true), ("0.0.0.0:80", "[::]:80", false), ("[::]:80", "[::1]:80", true),
      (":80", "[::1]:80", true), (":80", "127.0.0.1:80", true), (":80", ":81", false),
      ("127.0.0.1:80", "127.0.0.2:80", false), ("127.0.0.1:80", "127.0.0.1:81", false),
      ("127.0.0.1:0", "127.0.0.1:0", false), ("unix:/a", "unix:/a", true), ("unix:/a", "unix:/b", false),
      ("unix:/a", "127.0.0.1:80", false), (":80", "unix:/a", false),
    ])
  func overlaps(one: String, two: String, expected: Bool) throws {
    let (first, second) = (try ListenAddress(one), try ListenAddress(two))
    #expect(first.overlaps(second) == expected && second.overlaps(first) == expected)
  }

  @Test(
    "local is what nobody beyond this machine reaches",
    arguments: [
      ("127.0.0.1:80", true), ("127.1.2.3:80", true), ("[::1]:80", true), ("unix:/a", true), ("0.0.0.0:80", false),
      ("[::]:80", false), (":80", false), ("10.0.0.1:80", false), ("[fe80::1]:80", false),
    ])
  func local(text: String, expected: Bool) throws {
    #expect(try ListenAddress(text).isLocal == expected)
  }
}
