/// Base64 as OCSP requests carry it in GET targets (RFC 6960 A.1, RFC 4648 4 and 5).
public enum Base64 {
  private static let padding: UInt8 = 0x40
  private static let skipped: UInt8 = 0x41

  /// What each octet stands for, as a character: U+0000 to U+003F for the values 0 to 63, `@` for padding, `A`
  /// for line ends, which are skipped, `B` for what is refused. A literal, because it needs no initialisation and no copy.
  ///
  /// `+`, `-` and a blank (a `+` that somebody took for a form's) are 62, `/` and `_` are 63: both alphabets of RFC 4648.
  private static let values: StaticString =
    """
    BBBBBBBBBBABBABB\
    BBBBBBBBBBBBBBBB\
    >BBBBBBBBBB>B>B?\
    456789:;<=BBB@BB\
    B\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\u{9}\u{A}\u{B}\u{C}\u{D}\u{E}\
    \u{F}\u{10}\u{11}\u{12}\u{13}\u{14}\u{15}\u{16}\u{17}\u{18}\u{19}BBBB?\
    B\u{1A}\u{1B}\u{1C}\u{1D}\u{1E}\u{1F} !"#$%&'(\
    )*+,-./0123BBBBB\
    BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\
    BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
    """

  private static func value(_ octet: UInt8) -> UInt8 {
    unsafe values.utf8Start[Int(octet)]
  }

  /// Decodes a stretch of a request target: either alphabet, padded or not, raw or percent-coded in either hex case, a
  /// second level of percent-coding only where a `%` is left after the first, line ends ignored.
  ///
  /// - Parameter known: what many targets have in common.
  /// - Returns: how many octets `output` now begins with; nil for anything that is not base64, or too much of it.
  public static func decodeTarget(
    _ text: Span<UInt8>, knowing known: KnownBase64? = nil, into output: inout MutableSpan<UInt8>
  ) -> Int? {
    // Padding is counted ahead, so that the run may take all that stands before it.
    let (end, ending) = unpadded(text)
    var (index, count) = (0, 0)
    var bits: UInt32 = 0
    var pending = 0
    var paddings = 0
    while index < end {
      if pending == 0, paddings == 0 {
        decodeRun(text.extracting(0..<end), &index, knowing: index == 0 ? known : nil, into: &output, &count)
      }
      guard index < end else { break }
      var octet = text[index]
      index += 1
      if octet == 0x25 {
        guard let decoded = percentDecoded(text, end, &index) else { return nil }
        octet = decoded
      }
      let value = value(octet)
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
      } else if value != skipped {
        return nil
      }
    }
    return finish(bits, pending, paddings + ending, count, &output)
  }

  /// Where the padding at the end of a text begins, and how much of it there is: two at most, plain or percent-coded.
  private static func unpadded(_ text: Span<UInt8>) -> (end: Int, count: Int) {
    var end = text.count
    for count in 0..<2 {
      if end >= 1, text[end - 1] == 0x3D {
        end -= 1
      } else if end >= 3, text[end - 1] | 0x20 == 0x64, text[end - 2] == 0x33, text[end - 3] == 0x25 {
        end -= 3
      } else {
        return (end, count)
      }
    }
    return (end, 2)
  }

  /// Decodes groups of four characters for as long as there are such and `output` has room: nearly all of a target.
  private static func decodeRun(
    _ text: Span<UInt8>, _ index: inout Int, knowing known: KnownBase64?, into output: inout MutableSpan<UInt8>,
    _ count: inout Int
  ) {
    var (read, written) = (0, 0)
    let (start, end) = (index, count)
    unsafe text.withUnsafeBufferPointer { text in
      unsafe output.withUnsafeMutableBufferPointer { output in
        guard let source = text.baseAddress, let target = output.baseAddress else { return }
        (read, written) = unsafe decodeRun(
          source + start, source + text.count, knowing: known, into: target + end, target + output.count)
      }
    }
    index += read
    count += written
  }

  /// - Returns: how many octets were read, and how many written.
  private static func decodeRun(
    _ text: UnsafePointer<UInt8>, _ textEnd: UnsafePointer<UInt8>, knowing known: KnownBase64?,
    into output: UnsafeMutablePointer<UInt8>, _ outputEnd: UnsafeMutablePointer<UInt8>
  ) -> (Int, Int) {
    let values = unsafe values.utf8Start
    var (source, target) = unsafe (UnsafeRawPointer(text), UnsafeMutableRawPointer(output))
    let (sourceEnd, targetEnd) = unsafe (UnsafeRawPointer(textEnd), UnsafeMutableRawPointer(outputEnd))
    if let known, unsafe known.mayBegin(sourceEnd - source, room: targetEnd - target) {
      unsafe decodeGroups(KnownBase64.firstGroups, &source, &target, values)
      unsafe known.decode(&source, sourceEnd, &target, targetEnd)
    }
    while true {
      // Each group writes an octet more than it has, which the next one writes over.
      let groups = unsafe min((sourceEnd - source) / 4, (targetEnd - target - 1) / 3)
      let isDone = unsafe decodeGroups(groups, &source, &target, values)
      // One of the next four may be percent-coded, as clients do it that follow RFC 6960 A.1.
      var place = unsafe source.assumingMemoryBound(to: UInt8.self)
      guard !isDone, let coded = unsafe codedGroup(&place, textEnd, values) else { break }
      unsafe target.storeBytes(of: (coded << 8).bigEndian, as: UInt32.self)
      unsafe source = UnsafeRawPointer(place)
      unsafe target += 3
    }
    return unsafe (source - UnsafeRawPointer(text), target - UnsafeMutableRawPointer(output))
  }

  /// Decodes so many groups of plain characters, or those before the first one that is something else: then false.
  @inline(__always)
  @discardableResult
  private static func decodeGroups(
    _ count: Int, _ source: inout UnsafeRawPointer, _ target: inout UnsafeMutableRawPointer,
    _ values: UnsafePointer<UInt8>
  ) -> Bool {
    var rest = count
    while rest > 0 {
      let four = unsafe UInt32(littleEndian: source.loadUnaligned(as: UInt32.self))
      let first = unsafe UInt32(values[Int(four & 0xFF)])
      let second = unsafe UInt32(values[Int(four &>> 8 & 0xFF)])
      let third = unsafe UInt32(values[Int(four &>> 16 & 0xFF)])
      let fourth = unsafe UInt32(values[Int(four &>> 24)])
      guard first | second | third | fourth < 64 else { return false }
      let bits = first &<< 26 | second &<< 20 | third &<< 14 | fourth &<< 8
      unsafe target.storeBytes(of: bits.bigEndian, as: UInt32.self)
      unsafe source += 4
      unsafe target += 3
      rest &-= 1
    }
    return true
  }

  /// The 24 bits of four characters, some of them percent-coded; nil for anything else that is among them. Moves `text`
  /// behind them.
  private static func codedGroup(
    _ text: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ values: UnsafePointer<UInt8>
  ) -> UInt32? {
    var place = unsafe text
    var bits: UInt32 = 0
    for _ in 0..<4 {
      guard unsafe end - place >= 1 else { return nil }
      var octet = unsafe place[0]
      unsafe place += 1
      if octet == 0x25 {
        guard unsafe end - place >= 2, let decoded = unsafe codedOctet(place) else { return nil }
        octet = decoded
        unsafe place += 2
      }
      let value = unsafe values[Int(octet)]
      guard value < 64 else { return nil }
      bits = bits << 6 | UInt32(value)
    }
    unsafe text = place
    return bits
  }

  /// What the two hexadecimal digits stand for.
  @inline(__always)
  private static func codedOctet(_ digits: UnsafePointer<UInt8>) -> UInt8? {
    // `+` and `/` are what is coded of base64; the second digit has either case.
    switch unsafe UInt16(littleEndian: UnsafeRawPointer(digits).loadUnaligned(as: UInt16.self)) | 0x2000 {
    case 0x6232: return 0x2B
    case 0x6632: return 0x2F
    default:
      guard let high = unsafe HexDigit.value(digits[0]), let low = unsafe HexDigit.value(digits[1]) else { return nil }
      return high << 4 | low
    }
  }

  private static func finish(
    _ bits: UInt32, _ pending: Int, _ paddings: Int, _ count: Int, _ output: inout MutableSpan<UInt8>
  ) -> Int? {
    guard paddings == 0 || (pending > 0 && pending + paddings == 4) else { return nil }
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
  private static func percentDecoded(_ text: Span<UInt8>, _ end: Int, _ index: inout Int) -> UInt8? {
    guard let first = hexPair(text, end, &index) else { return nil }
    return first == 0x25 ? hexPair(text, end, &index) : first
  }

  private static func hexPair(_ text: Span<UInt8>, _ end: Int, _ index: inout Int) -> UInt8? {
    guard index + 1 < end, let high = HexDigit.value(text[index]), let low = HexDigit.value(text[index + 1])
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
