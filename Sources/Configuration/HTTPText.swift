/// Texts that become part of HTTP messages (RFC 9110 5.5 and 5.6).
enum HTTPText {
  /// What methods and the names of header fields are made of.
  static func isToken(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { octet in
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(octet)
        }
      }
  }

  /// Whether it holds a control character: a line's end in a header field would begin another one.
  static func hasControls(_ text: Substring) -> Bool {
    text.utf8.contains { $0 < 0x20 || $0 == 0x7F }
  }

  static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
