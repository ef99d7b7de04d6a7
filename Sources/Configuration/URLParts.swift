/// A URL of the configuration, taken apart as far as its rules need.
struct URLParts {
  /// In small letters.
  var scheme: String
  var host: Substring
  var port: Int?
  /// Path and query.
  var rest: Substring

  /// Nil for anything but visible ASCII of the form `scheme://host[:port][/path][?query]`: no user, no fragment.
  init?(_ text: String) {
    guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !text.contains("#"),
      let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://")
    else { return nil }
    scheme = text[..<colon].lowercased()
    let behind = text[text.index(colon, offsetBy: 3)...]
    let authority = behind.prefix { $0 != "/" && $0 != "?" }
    rest = behind[authority.endIndex...]
    host = authority
    // Colons inside brackets are part of an IPv6 address.
    if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
      guard let number = WholeNumber.parse(authority[authority.index(after: colon)...]), (1...65_535).contains(number)
      else { return nil }
      port = number
      host = authority[..<colon]
    }
    guard URLParts.isHost(host) else { return nil }
  }

  /// Whether nothing is in path and query that would mean something inside a JSON text, a header field or a template: what
  /// RFC 3986 3.3 allows, percent-coding included.
  var isPlain: Bool {
    rest.utf8.allSatisfy { octet in
      switch octet {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
      default: "-._~!$&'()*+,;=:@%/".utf8.contains(octet)
      }
    }
  }

  private static func isHost(_ host: Substring) -> Bool {
    if host.hasPrefix("[") {
      return host.hasSuffix("]") && host.contains(":")
        && host.dropFirst().dropLast().allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
    }
    return !host.isEmpty && host.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" || $0 == "_" }
  }
}
