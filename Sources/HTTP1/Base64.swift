/// Base64 as OCSP requests carry it in GET targets (RFC 6960 A.1, RFC 4648 4 and 5).
public enum Base64 {
  private static let padding: UInt8 = 64
  private static let skipped: UInt8 = 65
  private static let invalid: UInt8 = 255

  /// What each octet stands for: 0 to 63, or one of the marks above.
  private static let values: InlineArray<256, UInt8> = {
    var table = InlineArray<256, UInt8>(repeating: invalid)
    for index in 0..<26 {
      table[0x41 + index] = UInt8(index)
      table[0x61 + index] = UInt8(index + 26)
    }
    for index in 0..<10 { table[0x30 + index] = UInt8(index + 52) }
    table[0x2B] = 62
    table[0x2F] = 63
    // The URL-safe alphabet (standards, quirk 2).
    table[0x2D] = 62
    table[0x5F] = 63
    // A `+` that somebody took for a form's blank.
    table[0x20] = 62
    table[0x3D] = padding
    table[0x0D] = skipped
    table[0x0A] = skipped
    return table
  }()

  /// Decodes a stretch of a request target: either alphabet, padded or not, raw or percent-coded in either hex case, a
  /// second level of percent-coding only where a `%` is left after the first, line ends ignored.
  ///
  /// - Returns: how many octets `output` now begins with; nil for anything that is not base64, or too much of it.
  public static func decodeTarget(_ text: Span<UInt8>, into output: inout MutableSpan<UInt8>) -> Int? {
    let table = values
    var count = 0
    var bits: UInt32 = 0
    var pending = 0
    var paddings = 0
    var index = 0
    while index < text.count {
      var octet = text[index]
      index += 1
      if octet == 0x25 {
        guard let decoded = percentDecoded(text, &index) else { return nil }
        octet = decoded
      }
      let value = table[Int(octet)]
      if value < 64 {
        guard paddings == 0 else { return nil }
        bits = bits << 6 | UInt32(value)
        pending += 1
        guard pending == 4 else { continue }
        guard count + 3 <= output.count else { return nil }
        output[count] = UInt8(truncatingIfNeeded: bits >> 16)
        output[count + 1] = UInt8(truncatingIfNeeded: bits >> 8)
        output[count + 2] = UInt8(truncatingIfNeeded: bits)
        count += 3
        pending = 0
      } else if value == padding {
        paddings += 1
      } else if value == invalid {
        return nil
      }
    }
    return finish(bits, pending, paddings, count, &output)
  }

  private static func finish(
    _ bits: UInt32, _ pending: Int, _ paddings: Int, _ count: Int, _ output: inout MutableSpan<UInt8>
  ) -> Int? {
    guard paddings == 0 || pending + paddings == 4 else { return nil }
    switch pending {
    case 0: return count
    case 2 where count + 1 <= output.count:
      output[count] = UInt8(truncatingIfNeeded: bits >> 4)
      return count + 1
    case 3 where count + 2 <= output.count:
      output[count] = UInt8(truncatingIfNeeded: bits >> 10)
      output[count + 1] = UInt8(truncatingIfNeeded: bits >> 2)
      return count + 2
    default: return nil
    }
  }

  /// The octet behind a `%`, whose two digits begin at `index`; once more where it is a `%` itself.
  private static func percentDecoded(_ text: Span<UInt8>, _ index: inout Int) -> UInt8? {
    guard let first = hexPair(text, &index) else { return nil }
    return first == 0x25 ? hexPair(text, &index) : first
  }

  private static func hexPair(_ text: Span<UInt8>, _ index: inout Int) -> UInt8? {
    guard index + 1 < text.count, let high = HexDigit.value(text[index]), let low = HexDigit.value(text[index + 1])
    else { return nil }
    index += 2
    return high << 4 | low
  }

  /// The standard alphabet with padding (RFC 4648 4).
  public static func encode(_ octets: [UInt8]) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((octets.count + 2) / 3 * 4)
    for start in stride(from: 0, to: octets.count, by: 3) {
      let group = octets[start..<min(start + 3, octets.count)]
      var bits: UInt32 = 0
      for octet in group { bits = bits << 8 | UInt32(octet) }
      bits <<= UInt32(8 * (3 - group.count))
      for place in 0..<4 {
        text.append(place <= group.count ? alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63] : 0x3D)
      }
    }
    return text
  }

  /// Base64 with `+`, `/` and `=` percent-coded: what a client appends to the responder's URL (RFC 6960 A.1).
  public static func encodeForTarget(_ octets: [UInt8]) -> [UInt8] {
    encode(octets).flatMap { octet -> [UInt8] in
      switch octet {
      case 0x2B: Array("%2B".utf8)
      case 0x2F: Array("%2F".utf8)
      case 0x3D: Array("%3D".utf8)
      default: [octet]
      }
    }
  }
}
