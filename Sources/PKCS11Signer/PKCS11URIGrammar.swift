import CP11Kit

/// The attributes that a URI may have here, checked by name before p11-kit reads their values, so that errors can name
/// the attribute (RFC 7512 2.3).
enum PKCS11URIGrammar {
  private static let pathNames = ["token", "serial", "manufacturer", "model", "slot-id", "object", "id", "type"]
  private static let queryNames = ["module-path", "pin-source"]
  /// Octets; nobody's URI is longer.
  private static let maximumCount = 4096

  /// Without blanks around it, the scheme in small letters.
  static func normalized(_ text: String) -> String {
    var rest = text[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    let scheme = rest.prefix("pkcs11:".count)
    return scheme.lowercased() == "pkcs11:" ? "pkcs11:" + rest.dropFirst(scheme.count) : String(rest)
  }

  static func check(_ text: String) throws(PKCS11URIError) {
    guard text.utf8.count <= maximumCount else {
      throw PKCS11URIError("longer than \(maximumCount) octets")
    }
    // Before anything that might quote a value.
    if PINRedaction.isNamed(in: text) {
      throw PKCS11URIError(
        "pin-value is refused: a PIN must not stand in a configuration, which people copy and show; expected "
          + "pin-source=file:/path or pin-source=env:NAME")
    }
    guard text.hasPrefix("pkcs11:") else {
      throw PKCS11URIError("expected 'pkcs11:' at the beginning, as in pkcs11:token=NAME;object=KEY?module-path=/…")
    }
    let (path, query) = parts(text)
    try checkNames(path, known: pathNames, others: queryNames, place: "in front of '?'")
    try checkNames(query, known: queryNames, others: pathNames, place: "behind '?'")
    // RFC 7512 2.3 lets these stand in a value; they are mostly an attribute that was meant to be one of its own.
    for attribute in query where attribute.contains(where: { $0 == ";" || $0 == "?" }) {
      throw PKCS11URIError(
        "\(name(attribute) ?? ""): ';' and '?' in a value are written %3B and %3F; attributes behind '?' are divided "
          + "by '&'")
    }
  }

  private static func checkNames(
    _ attributes: [Substring], known: [String], others: [String], place: String
  ) throws(PKCS11URIError) {
    var seen: Set<String> = []
    for (number, attribute) in attributes.enumerated() {
      // The text itself is not quoted: it might be a PIN that went astray.
      guard let name = name(attribute) else {
        throw PKCS11URIError("attribute \(number + 1) \(place) has no '='; expected name=value")
      }
      if name == "module-name" {
        throw PKCS11URIError("module-name is not looked up here; expected module-path=/path/of/the/module.so")
      }
      guard known.contains(name) else {
        let all = (pathNames + queryNames).joined(separator: ", ")
        throw PKCS11URIError(
          others.contains(name)
            ? "\(name) stands \(place); path attributes are divided by ';' and come before '?', then "
              + "\(queryNames.joined(separator: " and ")), divided by '&'"
            : "\(isWord(name) ? name : "attribute \(number + 1) \(place)") is not known here; expected \(all)")
      }
      guard seen.insert(name).inserted else { throw PKCS11URIError("\(name) is given twice") }
    }
  }

  /// The error for the attribute that p11-kit does not take, found by giving it one at a time.
  static func culprit(_ text: String, _ code: Int32) -> PKCS11URIError {
    let (path, query) = parts(text)
    let alone = path.map { ($0, "pkcs11:\($0)") } + query.map { ($0, "pkcs11:?\($0)") }
    for (attribute, whole) in alone {
      guard let name = name(attribute), let uri = unsafe p11_kit_uri_new() else { continue }
      defer { unsafe p11_kit_uri_free(uri) }
      let code = unsafe p11_kit_uri_parse(whole, P11_KIT_URI_FOR_ANY, uri)
      if code == P11_KIT_URI_OK.rawValue, unsafe p11_kit_uri_any_unrecognized(uri) == 0 { continue }
      let found = name == "pin-source" ? "" : ", found '\(attribute.dropFirst(name.count + 1))'"
      return PKCS11URIError("\(name): expected \(expectation(name))\(found)")
    }
    return PKCS11URIError("p11-kit does not take it (\(unsafe String(cString: p11_kit_uri_message(code))))")
  }

  private static func expectation(_ name: String) -> String {
    switch name {
    case "token", "manufacturer": "up to 32 octets, with %XX for special characters"
    case "serial", "model": "up to 16 octets, with %XX for special characters"
    case "slot-id": "a number"
    case "type": "'private'"
    default: "text with %XX for special characters"
    }
  }

  private static func parts(_ text: String) -> (path: [Substring], query: [Substring]) {
    let rest = text.dropFirst("pkcs11:".count)
    let halves = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    return (
      halves[0].split(separator: ";", omittingEmptySubsequences: !halves[0].contains(";")),
      halves.count > 1 ? halves[1].split(separator: "&", omittingEmptySubsequences: !halves[1].contains("&")) : []
    )
  }

  /// Whether it is a misspelt name rather than a value that went astray.
  private static func isWord(_ name: String) -> Bool {
    name.utf8.count <= 24 && name.utf8.allSatisfy { $0 == 0x2D || (0x61...0x7A).contains($0 | 0x20) }
  }

  private static func name(_ attribute: Substring) -> String? {
    attribute.firstIndex(of: "=").map { String(attribute[..<$0]) }
  }
}
