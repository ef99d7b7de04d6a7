import CLinux
import Glibc

/// Where a server listens: an IPv4 or IPv6 address with a port, or a Unix socket.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// Four octets, and a port; 0 lets the system choose one.
  case ipv4(InlineAddress, port: UInt16)
  /// Every address of this machine, IPv4 and IPv6, through one socket.
  case any(port: UInt16)
  /// Sixteen octets, and a port; IPv6 alone.
  case ipv6(InlineAddress, port: UInt16)
  /// The path of the socket file.
  case unix(path: String)

  /// The octets of an address in network order.
  public struct InlineAddress: Sendable, Hashable {
    public var octets: [UInt8]

    init(_ octets: [UInt8]) {
      self.octets = octets
    }
  }

  /// The longest path that sockaddr_un holds with its final zero.
  public static let maximumPathOctets = 107

  /// Reads `127.0.0.1:8080`, `[::1]:8080`, `:8080` (`.any`) or `unix:/run/avouch.sock`.
  public init(_ text: String) throws(ListenAddressError) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      guard !path.isEmpty, path.utf8.count <= ListenAddress.maximumPathOctets, !path.utf8.contains(0) else {
        throw ListenAddressError(
          text: text, problem: "a socket path has 1 to \(ListenAddress.maximumPathOctets) octets")
      }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = ListenAddress.port(text[text.index(after: colon)...]) else {
      throw ListenAddressError(text: text, problem: "a port from 0 to 65535 is missing")
    }
    let host = String(text[..<colon])
    if host.isEmpty {
      self = .any(port: port)
      return
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      var address = in6_addr()
      guard unsafe inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &address) == 1 else {
        throw ListenAddressError(text: text, problem: "'\(host)' is no IPv6 address")
      }
      self = .ipv6(InlineAddress(unsafe withUnsafeBytes(of: &address) { unsafe Array($0) }), port: port)
      return
    }
    var address = in_addr()
    guard unsafe inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &address) == 1 else {
      throw ListenAddressError(text: text, problem: "'\(host)' is no IP address (names are not looked up)")
    }
    self = .ipv4(InlineAddress(unsafe withUnsafeBytes(of: &address) { unsafe Array($0) }), port: port)
  }

  /// Digits alone: UInt16 would take a sign too.
  private static func port(_ text: Substring) -> UInt16? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(text) : nil
  }

  public var description: String {
    switch self {
    case .ipv4(let address, let port): address.octets.map { String($0) }.joined(separator: ".") + ":\(port)"
    case .ipv6(let address, let port): "[\(ListenAddress.text(of: address))]:\(port)"
    case .any(let port): ":\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// The port; nil for a Unix socket.
  public var port: UInt16? {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port), .any(let port): port
    case .unix: nil
    }
  }

  func with(port: UInt16) -> ListenAddress {
    switch self {
    case .ipv4(let address, _): .ipv4(address, port: port)
    case .ipv6(let address, _): .ipv6(address, port: port)
    case .any: .any(port: port)
    case .unix: self
    }
  }

  private static func text(of address: InlineAddress) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard unsafe inet_ntop(AF_INET6, address.octets, &text, socklen_t(text.count)) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// An address that cannot be read.
public struct ListenAddressError: Error, Sendable, CustomStringConvertible {
  var text: String
  var problem: String

  public var description: String {
    "'\(text)': \(problem); expected 127.0.0.1:8080, [::1]:8080, :8080 or unix:/path"
  }
}
