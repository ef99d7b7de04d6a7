import EventLoop
import Glibc

/// Where a load goes: an `http://` URL in its parts, and the addresses of its host.
public struct LoadTarget: Sendable, Hashable {
  /// As it was given.
  public let url: String
  /// Without brackets.
  public let host: String
  public let port: UInt16
  /// What the Host field says: the port is left out where it is 80.
  let authority: String
  /// Begins with a slash; one at its end stays, as in the URL.
  let path: String

  /// Why a URL is no place for a load.
  public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
  }

  public init(_ url: String) throws(Failure) {
    self.url = url
    guard !url.lowercased().hasPrefix("https://") else {
      throw Failure(
        description: "'\(url)': OCSP is spoken over http:// here, for its answers are signed (RFC 6960 A.1); "
          + "https:// is not possible")
    }
    guard url.lowercased().hasPrefix("http://") else {
      throw Failure(description: "'\(url)' is not an http:// URL")
    }
    let rest = url.dropFirst("http://".count)
    let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    let tail = rest[end...]
    guard !tail.contains("#"), !tail.contains("?") else {
      throw Failure(
        description: "'\(url)': a query or a fragment is not possible; a GET has its question behind the path")
    }
    guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw Failure(description: "'\(url)' has a sign that no URL has; percent-code it")
    }
    guard let (host, port) = LoadTarget.place(rest[..<end]) else {
      throw Failure(description: "'\(url)': expected http://host:port/path")
    }
    self.host = host
    self.port = port
    let bracketed = host.contains(":") ? "[\(host)]" : host
    authority = port == 80 ? bracketed : "\(bracketed):\(port)"
    path = tail.isEmpty ? "/" : String(tail)
  }

  private static func place(_ text: Substring) -> (String, UInt16)? {
    var host = text
    var port: UInt16 = 80
    let afterBracket = text.lastIndex(of: "]") ?? text.startIndex
    if let colon = text[afterBracket...].lastIndex(of: ":") {
      let digits = text[text.index(after: colon)...]
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(digits), number > 0 else {
        return nil
      }
      port = number
      host = text[..<colon]
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, !host.contains("@"), !host.contains("["), !host.contains("]") else { return nil }
    return (String(host), port)
  }

  /// What stands before the base64 of a GET: the path with one slash at its end.
  var pathForGet: String { path.hasSuffix("/") ? path : path + "/" }

  /// The addresses of the host, in the system's order. Looks the name up, which may take time.
  public func resolved() throws(Failure) -> [SocketPlace] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, "\(port)", &hints, &list)
    guard code == 0 else { throw Failure(description: "\(host): \(unsafe String(cString: gai_strerror(code)))") }
    defer { unsafe freeaddrinfo(list) }
    var places: [SocketPlace] = []
    var entry = unsafe list
    while let found = unsafe entry, places.count < 16 {
      let octets = unsafe UnsafeRawBufferPointer(start: found.pointee.ai_addr, count: Int(found.pointee.ai_addrlen))
      unsafe places.append(SocketPlace(family: found.pointee.ai_family, octets: Array(octets)))
      unsafe entry = unsafe found.pointee.ai_next
    }
    return places
  }

  /// The first of the addresses that takes a connection within `milliseconds`; nil where none does. A name may have addresses
  /// where nobody listens (`localhost` is `::1` first), and a load goes to one address.
  public static func firstThatAnswers(_ places: [SocketPlace], milliseconds: Int32) -> SocketPlace? {
    places.first { $0.takesConnections(milliseconds: milliseconds) }
  }
}
