/// One URL under which a cache may hold an answer: `http://host/target`. The target is never normalised.
public struct PurgeURL: Sendable, Hashable, CustomStringConvertible {
  /// With the port, where it is not 80.
  public var host: String
  /// Path and query, from the first `/` on.
  public var target: String

  public init(host: String, target: String) {
    self.host = host
    self.target = target
  }

  public var description: String { "http://\(host)\(target)" }
}

/// A URL as certificates name it in their AIA extension, which clients append their request to.
public struct ResponderURL: Sendable, Hashable {
  public var host: String
  /// Without a slash at its end: empty for `http://host` and `http://host/`.
  public var path: String

  /// Nil for anything but `http://host[:port][/path]`.
  public init?(_ text: String) {
    guard text.lowercased().hasPrefix("http://") else { return nil }
    let rest = text.dropFirst(7)
    host = String(rest.prefix { $0 != "/" })
    var path = String(rest.drop { $0 != "/" })
    while path.hasSuffix("/") { path.removeLast() }
    self.path = path
    guard !host.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !path.contains(where: { "?#".contains($0) })
    else { return nil }
  }
}
