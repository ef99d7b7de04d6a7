/// Text of fixed length, padded with blanks, as PKCS#11 structures have it (PKCS#11 2.40 3.1).
enum PaddedText {
  /// Nil where the field is not set: p11-kit leaves those zero.
  static func given<Field>(_ field: Field) -> String? {
    unsafe withUnsafeBytes(of: field) { octets in
      unsafe octets.first == 0 ? nil : text(Array(octets))
    }
  }

  static func text<Field>(of field: Field) -> String {
    unsafe withUnsafeBytes(of: field) { unsafe text(Array($0)) }
  }

  /// Some modules end the text with a zero octet instead of padding it.
  private static func text(_ octets: [UInt8]) -> String {
    var kept = octets.prefix { $0 != 0 }
    while kept.last == 0x20 { kept.removeLast() }
    return String(decoding: kept, as: UTF8.self)
  }

  /// Blank-padded octets of exactly `count`; nil where the text is longer.
  static func padded(_ text: String, count: Int) -> [UInt8]? {
    let octets = Array(text.utf8)
    return octets.count > count ? nil : octets + [UInt8](repeating: 0x20, count: count - octets.count)
  }
}

/// Octets for people.
enum Hexadecimal {
  static func text(_ octets: [UInt8]) -> String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
