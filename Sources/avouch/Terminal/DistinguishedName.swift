/// A name as people write it (RFC 4514): `CN=OCSP 1,O=Example`, the innermost first.
enum DistinguishedName {
  /// Attribute and value, outermost first, as certificates have them; nil where the text is no such name.
  ///
  /// A backslash takes the sign behind it as it stands. Several values in one step (`+`) are not read.
  static func parse(_ text: String) -> [(attribute: String, value: String)]? {
    var parts: [(attribute: String, value: String)] = []
    var attribute: String?
    var word = ""
    var isEscaped = false
    for character in text + "," {
      if isEscaped {
        word.append(character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "=", attribute == nil {
        attribute = trimmed(word)
        word = ""
      } else if character == "," {
        guard let name = attribute, !name.isEmpty, !trimmed(word).isEmpty else { return nil }
        parts.append((name, trimmed(word)))
        attribute = nil
        word = ""
      } else {
        word.append(character)
      }
    }
    // An escape at the very end swallowed the last comma.
    guard attribute == nil, word.isEmpty, !isEscaped, !parts.isEmpty else { return nil }
    return parts.reversed()
  }

  private static func trimmed(_ text: String) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
