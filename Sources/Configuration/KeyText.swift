/// What `signer.key` may be: the name of a file, or the PKCS#11 URI of a key in a token.
enum KeyText {
  private static let scheme = "pkcs11:"

  /// As far as it can be told without reading the URI.
  static func isInToken(_ key: String) -> Bool {
    key.drop { $0.isWhitespace }.prefix(scheme.count).lowercased() == scheme
  }
}
