/// What `signer.key` may be: the name of a file, or the PKCS#11 URI of a key in a token.
enum KeyText {
  private static let scheme = "pkcs11:"

  /// As far as it can be told without reading the URI.
  static func isInToken(_ key: String) -> Bool {
    isInToken(key[...])
  }

  private static func isInToken(_ key: Substring) -> Bool {
    key.drop { $0.isWhitespace }.prefix(scheme.count).lowercased() == scheme
  }

  /// A list in one text, as an environment variable has it: divided by the commas that a URI follows. Others may be part
  /// of a URI or of a file's name.
  static func split(_ text: String) -> [String] {
    var keys: [String] = []
    var begin = text.startIndex
    for place in text.indices where text[place] == "," && isInToken(text[text.index(after: place)...]) {
      keys.append(String(text[begin..<place]))
      begin = text.index(after: place)
    }
    return keys + [String(text[begin...])]
  }
}
