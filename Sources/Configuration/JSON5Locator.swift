/// Finds what FoundationEssentials does not tell of a text: where it stops being UTF-8 or JSON5, and keys that stand twice
/// in one object, of which the library would take the first in silence.
///
/// It accepts a little more than JSON5 (any word as a value, any number's shape): it says where, the library says whether.
struct JSON5Locator {
  /// A place and what is wrong there.
  struct Finding {
    var line: Int
    var column: Int
    var problem: String
  }

  private struct Stop: Error {
    var problem: String
  }

  private static let maximumDepth = 64
  private let octets: [UInt8]
  private var position = 0
  private var duplicate: (position: Int, key: String)?

  private init(_ octets: [UInt8]) {
    self.octets = octets
  }

  /// Nil where nothing is found.
  static func find(in octets: [UInt8]) -> Finding? {
    var locator = JSON5Locator(octets)
    // The library traps at a bare key that is not UTF-8.
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: octets.span)
    } catch {
      return locator.finding(at: error.byteOffsets.lowerBound, "this is not UTF-8")
    }
    do throws(Stop) {
      try locator.value(depth: 0)
      try locator.skipSpace()
      if locator.position < octets.count { throw Stop(problem: "something follows the end") }
    } catch {
      return locator.finding(at: locator.position, error.problem)
    }
    guard let duplicate = locator.duplicate else { return nil }
    return locator.finding(at: duplicate.position, "the key '\(duplicate.key)' stands twice in one object")
  }

  private func finding(at place: Int, _ problem: String) -> Finding {
    let before = octets[..<min(place, octets.count)]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return Finding(
      line: before.count { $0 == 0x0A } + 1, column: before.count - lineStart + 1, problem: problem)
  }

  private var current: UInt8? { position < octets.count ? octets[position] : nil }

  private mutating func value(depth: Int) throws(Stop) {
    try skipSpace()
    guard depth < JSON5Locator.maximumDepth else { throw Stop(problem: "too deeply nested") }
    switch current {
    case 0x7B: try members(depth: depth)
    case 0x5B: try elements(depth: depth)
    case 0x22, 0x27: _ = try text()
    case nil: throw Stop(problem: "the text ends where a value is expected")
    default:
      guard !word().isEmpty else { throw Stop(problem: "a value is expected") }
    }
  }

  private mutating func members(depth: Int) throws(Stop) {
    position += 1
    var keys: Set<String> = []
    while true {
      try skipSpace()
      if current == 0x7D { break }
      let start = position
      let key = current == 0x22 || current == 0x27 ? try text() : word()
      guard !key.isEmpty else { throw Stop(problem: "a key or '}' is expected") }
      if !keys.insert(key).inserted, duplicate == nil { duplicate = (start, key) }
      try skipSpace()
      guard current == 0x3A else { throw Stop(problem: "':' is expected behind the key '\(key)'") }
      position += 1
      try value(depth: depth + 1)
      try skipSpace()
      if current == 0x2C {
        position += 1
      } else if current != 0x7D {
        throw Stop(problem: "',' or '}' is expected")
      }
    }
    position += 1
  }

  private mutating func elements(depth: Int) throws(Stop) {
    position += 1
    while true {
      try skipSpace()
      if current == 0x5D { break }
      try value(depth: depth + 1)
      try skipSpace()
      if current == 0x2C {
        position += 1
      } else if current != 0x5D {
        throw Stop(problem: "',' or ']' is expected")
      }
    }
    position += 1
  }

  private mutating func text() throws(Stop) -> String {
    let quote = octets[position]
    let start = position
    position += 1
    while let octet = current, octet != quote {
      guard octet != 0x0A else { break }
      position += octet == 0x5C ? 2 : 1
    }
    guard current == quote else {
      position = start
      throw Stop(problem: "a quoted text has no end on its line")
    }
    position += 1
    return String(decoding: octets[start + 1..<position - 1], as: UTF8.self)
  }

  /// A bare key, a number, `true`: whatever is no space and no punctuation.
  private mutating func word() -> String {
    let start = position
    let punctuation = Set("{}[]:,\"'/ \t\r\n".utf8)
    while let octet = current, !punctuation.contains(octet) { position += 1 }
    return String(decoding: octets[start..<position], as: UTF8.self)
  }

  private mutating func skipSpace() throws(Stop) {
    while let octet = current {
      switch octet {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      case 0x2F:
        let start = position
        let next = position + 1 < octets.count ? octets[position + 1] : 0
        if next == 0x2F {
          while let inside = current, inside != 0x0A { position += 1 }
        } else if next == 0x2A {
          position += 2
          while position + 1 < octets.count, !(octets[position] == 0x2A && octets[position + 1] == 0x2F) {
            position += 1
          }
          guard position + 1 < octets.count else {
            position = start
            throw Stop(problem: "a comment has no end")
          }
          position += 2
        } else {
          throw Stop(problem: "'/' begins a comment only")
        }
      // A byte order mark, and the no-break space that editors slip in.
      case 0xEF where octets[position...].starts(with: [0xEF, 0xBB, 0xBF]): position += 3
      case 0xC2 where octets[position...].starts(with: [0xC2, 0xA0]): position += 2
      default: return
      }
    }
  }
}
