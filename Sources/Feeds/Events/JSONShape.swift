/// What is looked at before a body is handed to a JSON decoder, which may be given anything.
enum JSONShape {
  /// Events have four levels.
  private static let maximumDepth = 16

  /// Refuses what is nested deeper than any event, and what is not UTF-8 (RFC 8259 8.1).
  static func check(_ body: Span<UInt8>) throws(EventPayload.Failure) {
    guard body.count < 3 || !(body[0] == 0xEF && body[1] == 0xBB && body[2] == 0xBF) else { throw notPlain }
    var depth = 0
    var isInText = false
    var isEscaped = false
    for place in 0..<body.count {
      let octet = body[place]
      // Other encodings have it in every character of JSON.
      guard octet != 0 else { throw notPlain }
      if isInText {
        if isEscaped {
          isEscaped = false
        } else if octet == UInt8(ascii: "\\") {
          isEscaped = true
        } else if octet == UInt8(ascii: "\"") {
          isInText = false
        }
        continue
      }
      switch octet {
      case UInt8(ascii: "\""): isInText = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        guard depth <= maximumDepth else {
          throw EventPayload.Failure(field: "", why: "nested deeper than \(maximumDepth) levels; an event has four")
        }
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
    }
  }

  private static var notPlain: EventPayload.Failure {
    EventPayload.Failure(field: "", why: "this is no JSON: UTF-8 without a byte order mark is expected")
  }
}
