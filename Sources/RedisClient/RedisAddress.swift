/// Where a node listens: a host name or an IP address, and a port.
public struct RedisAddress: Sendable, Hashable, CustomStringConvertible {
  /// Without brackets, for IPv6 too.
  public var host: String
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `redis.example:6379`, `192.0.2.1:6379` or `[2001:db8::1]:6379`; nil for anything else.
  public init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    self.init(host: String(host), portText: String(digits))
  }

  /// From the words of a server; IPv6 stands there without brackets.
  init?(host: String, portText: String) {
    guard !host.isEmpty, host.utf8.count <= 255, !host.utf8.contains(where: { $0 <= 0x20 }),
      portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(portText), port != 0
    else { return nil }
    self.init(host: host, port: port)
  }

  public var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
