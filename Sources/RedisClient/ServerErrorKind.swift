/// What an error reply means for the client, apart from its text.
enum ServerErrorKind: Sendable, Hashable {
  /// The slot is another node's from now on.
  case moved(slot: Int, RedisAddress)
  /// This once, another node has the key.
  case ask(RedisAddress)
  /// The command was not obeyed, and may be within moments: a slot on its way, a server that loads its data.
  case passing
  /// The command was not obeyed, since the node is not what it was taken for.
  case wrongRole
  case noScript
  /// The caller's affair.
  case other

  /// - Parameter host: of the node that answered: `MOVED 1 :6379` means the same host.
  init(_ text: String, from host: String) {
    let words = text.split(separator: " ", maxSplits: 3)
    switch words.first {
    case "MOVED":
      guard words.count >= 3, let slot = Int(words[1]), (0..<ClusterSlot.count).contains(slot),
        let address = ServerErrorKind.address(words[2], host)
      else { break }
      self = .moved(slot: slot, address)
      return
    case "ASK":
      guard words.count >= 3, let address = ServerErrorKind.address(words[2], host) else { break }
      self = .ask(address)
      return
    case "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN":
      self = .passing
      return
    case "READONLY":
      self = .wrongRole
      return
    case "NOSCRIPT":
      self = .noScript
      return
    default: break
    }
    self = .other
  }

  /// `host:port`, `:port`; IPv6 comes without brackets, and a bus port may follow (`@17000`).
  private static func address(_ text: Substring, _ host: String) -> RedisAddress? {
    let plain = text.prefix { $0 != "@" }
    guard let colon = plain.lastIndex(of: ":") else { return nil }
    let named = plain[..<colon]
    return RedisAddress(
      host: named.isEmpty ? host : String(named), portText: String(plain[plain.index(after: colon)...]))
  }
}
