/// Writes PKCS#11 URIs (RFC 7512 2.3).
enum PKCS11URIText {
  static func text(of uri: PKCS11URI) -> String {
    var query = ["module-path=" + encoded(uri.modulePath.utf8, keeping: "/")]
    switch uri.pinSource {
    case .file(let path): query.append("pin-source=file:" + encoded(path.utf8, keeping: "/"))
    case .environment(let name): query.append("pin-source=env:" + encoded(name.utf8))
    case nil: break
    }
    return "pkcs11:" + path(of: uri) + "?" + query.joined(separator: "&")
  }

  /// What stands between the scheme and `?`.
  static func path(of uri: PKCS11URI) -> String {
    var path: [String] = []
    func add(_ name: String, _ value: String?) {
      if let value { path.append("\(name)=\(encoded(value.utf8))") }
    }
    add("token", uri.token)
    add("serial", uri.serial)
    add("manufacturer", uri.manufacturer)
    add("model", uri.model)
    add("slot-id", uri.slotID.map { "\($0)" })
    add("object", uri.object)
    // Octets and no text: RFC 7512 2.3 wants all of them encoded.
    if let id = uri.id { path.append("id=" + id.map(escape).joined()) }
    return path.joined(separator: ";")
  }

  /// - Parameter keeping: what stands for itself besides the unreserved characters of RFC 3986 2.3.
  private static func encoded(_ octets: some Sequence<UInt8>, keeping others: String = "") -> String {
    octets.map { octet in
      let character = Character(UnicodeScalar(octet))
      let isLetterOrDigit = character.isASCII && (character.isLetter || character.isNumber)
      return isLetterOrDigit || "-._~".contains(character) || others.contains(character)
        ? String(character) : escape(octet)
    }.joined()
  }

  private static func escape(_ octet: UInt8) -> String { "%" + Hexadecimal.text([octet]) }
}
