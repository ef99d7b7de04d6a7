/// Reads JSON by RFC 8259 and nothing beyond it: no comments, no trailing commas, no member twice, nothing after the end.
struct JSONParser {
  /// A result has six levels.
  private static let maximumDepth = 32

  private let octets: [UInt8]
  private let file: String
  private var position = 0

  /// - Parameter file: its name, for messages.
  static func parse(_ octets: [UInt8], file: String) throws(LoadResultError) -> JSONElement {
    var parser = JSONParser(octets: octets, file: file)
    parser.skipBlanks()
    let element = try parser.element(depth: 0)
    parser.skipBlanks()
    guard parser.position == octets.count else { throw parser.error("something follows the end of the JSON value") }
    return element
  }

  private init(octets: [UInt8], file: String) {
    self.octets = octets
    self.file = file
  }

  private var current: UInt8? { position < octets.count ? octets[position] : nil }

  private mutating func element(depth: Int) throws(LoadResultError) -> JSONElement {
    guard depth < JSONParser.maximumDepth else { throw error("nested deeper than \(JSONParser.maximumDepth) levels") }
    switch current {
    case UInt8(ascii: "{"): return .object(try members(depth: depth))
    case UInt8(ascii: "["): return .list(try elements(depth: depth))
    case UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case .some(let octet) where octet == UInt8(ascii: "-") || JSONParser.isDigit(octet): return .number(try number())
    default: throw error("a JSON value is expected")
    }
  }

  private mutating func members(depth: Int) throws(LoadResultError) -> [JSONElement.Member] {
    var members: [JSONElement.Member] = []
    var names: Set<String> = []
    try eachPart(closing: UInt8(ascii: "}"), shown: "}") { parser throws(LoadResultError) in
      guard parser.current == UInt8(ascii: "\"") else { throw parser.error("the name of a member is expected") }
      let start = parser.position
      let name = try parser.text()
      guard names.insert(name).inserted else {
        parser.position = start
        throw parser.error("the member '\(name)' is there twice")
      }
      parser.skipBlanks()
      guard parser.take(UInt8(ascii: ":")) else { throw parser.error("a colon is expected after the name of a member") }
      parser.skipBlanks()
      members.append(JSONElement.Member(name: name, value: try parser.element(depth: depth + 1)))
    }
    return members
  }

  private mutating func elements(depth: Int) throws(LoadResultError) -> [JSONElement] {
    var elements: [JSONElement] = []
    try eachPart(closing: UInt8(ascii: "]"), shown: "]") { parser throws(LoadResultError) in
      elements.append(try parser.element(depth: depth + 1))
    }
    return elements
  }

  /// What stands between an opening bracket, which comes next, and its closing one.
  private mutating func eachPart(
    closing: UInt8, shown: String, _ read: (inout JSONParser) throws(LoadResultError) -> Void
  ) throws(LoadResultError) {
    position += 1
    skipBlanks()
    if take(closing) { return }
    while true {
      try read(&self)
      skipBlanks()
      if take(closing) { return }
      guard take(UInt8(ascii: ",")) else { throw error("a comma or '\(shown)' is expected") }
      skipBlanks()
    }
  }

  /// RFC 8259 6.
  private mutating func number() throws(LoadResultError) -> String {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try digits() }
    if take(UInt8(ascii: ".")) { try digits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    return String(decoding: octets[start..<position], as: UTF8.self)
  }

  private mutating func digits() throws(LoadResultError) {
    let start = position
    while let octet = current, JSONParser.isDigit(octet) { position += 1 }
    guard position > start else { throw error("a digit is expected") }
  }

  private static func isDigit(_ octet: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) }

  private mutating func word(_ word: String, _ element: JSONElement) throws(LoadResultError) -> JSONElement {
    for octet in word.utf8 {
      guard take(octet) else { throw error("'\(word)' is expected") }
    }
    return element
  }

  /// RFC 8259 7.
  private mutating func text() throws(LoadResultError) -> String {
    position += 1
    var scalars: [UInt8] = []
    while let octet = current {
      switch octet {
      case UInt8(ascii: "\""):
        guard let text = String(validating: scalars, as: UTF8.self) else { throw error("the text before is not UTF-8") }
        position += 1
        return text
      case UInt8(ascii: "\\"):
        position += 1
        scalars.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20: throw error("a control character stands in a text")
      default:
        scalars.append(octet)
        position += 1
      }
    }
    throw error("a text has no end")
  }

  /// What follows a backslash.
  private mutating func escape() throws(LoadResultError) -> Unicode.Scalar {
    let octet = current
    position += 1
    switch octet {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try codeUnit()
      if let scalar = Unicode.Scalar(first) { return scalar }
      // Beyond 16 bits two escapes make one character, the high half first.
      guard UTF16.isLeadSurrogate(first), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
        throw error("half of a surrogate pair stands alone")
      }
      let second = try codeUnit()
      guard UTF16.isTrailSurrogate(second) else { throw error("half of a surrogate pair stands alone") }
      return UTF16.decode(UTF16.EncodedScalar([first, second]))
    default:
      position -= 1
      throw error("no escape begins so")
    }
  }

  private mutating func codeUnit() throws(LoadResultError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let octet = current, octet < 0x80, let digit = Character(Unicode.Scalar(octet)).hexDigitValue else {
        throw error("four hexadecimal digits are expected")
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }

  private mutating func skipBlanks() {
    while let octet = current, octet == 0x20 || octet == 0x0A || octet == 0x0D || octet == 0x09 { position += 1 }
  }

  private mutating func take(_ octet: UInt8) -> Bool {
    guard current == octet else { return false }
    position += 1
    return true
  }

  /// With file, line and column of where the parser stands.
  private func error(_ problem: String) -> LoadResultError {
    let place = min(position, octets.count)
    let line = octets[..<place].count { $0 == 0x0A } + 1
    let column = place - (octets[..<place].lastIndex(of: 0x0A) ?? -1)
    let isAtEnd = place == octets.count
    return LoadResultError(
      "\(file): line \(line), column \(column): " + (isAtEnd ? "the file ends here, and " : "") + problem)
  }
}
