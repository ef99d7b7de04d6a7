extension ListenAddress {
  /// Whether two sockets cannot listen on both: the system refuses the second one.
  ///
  /// Port 0 overlaps with nothing, since the system chooses another each time. Paths are compared as they are written.
  public func overlaps(_ other: ListenAddress) -> Bool {
    if case .unix(let path) = self {
      guard case .unix(let otherPath) = other else { return false }
      return path == otherPath
    }
    guard let port, port != 0, port == other.port else { return false }
    switch (self, other) {
    case (.any, _), (_, .any): return true
    case (.ipv4(let one, _), .ipv4(let two, _)), (.ipv6(let one, _), .ipv6(let two, _)):
      return one == two || one.isUnspecified || two.isUnspecified
    default: return false
    }
  }

  /// Whether nobody beyond this machine can connect: a loopback address, or a Unix socket.
  public var isLocal: Bool {
    switch self {
    case .ipv4(let address, _): address.octets.first == 127
    case .ipv6(let address, _): address.octets == [UInt8](repeating: 0, count: 15) + [1]
    case .any: false
    case .unix: true
    }
  }
}

extension ListenAddress.InlineAddress {
  /// Every address of its family: `0.0.0.0`, `::`.
  fileprivate var isUnspecified: Bool { octets.allSatisfy { $0 == 0 } }
}
