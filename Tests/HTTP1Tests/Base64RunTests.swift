import TestSupport
import Testing

@testable import HTTP1

/// The quick way through a target against a plain one, character by character.
@Suite("Base64 in targets, the quick way and the plain one")
struct Base64RunTests {
  /// Nil for what is refused; knows nothing of groups.
  private static func plain(_ text: [UInt8], room: Int) -> [UInt8]? {
    var characters: [UInt8] = []
    var index = 0
    func pair() -> UInt8? {
      guard index + 1 < text.count, let high = HexDigit.value(text[index]), let low = HexDigit.value(text[index + 1])
      else { return nil }
      index += 2
      return high << 4 | low
    }
    while index < text.count {
      var octet = text[index]
      index += 1
      if octet == 0x25 {
        guard let first = pair() else { return nil }
        octet = first
        if first == 0x25 {
          guard let second = pair() else { return nil }
          octet = second
        }
      }
      characters.append(octet)
    }
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var values: [UInt32] = []
    var paddings = 0
    for character in characters {
      switch character {
      case 0x0A, 0x0D: continue
      case 0x3D: paddings += 1
      default:
        let standard: UInt8 = [0x2D: 0x2B, 0x20: 0x2B, 0x5F: 0x2F][character] ?? character
        guard paddings == 0, let value = alphabet.firstIndex(of: standard) else { return nil }
        values.append(UInt32(value))
      }
    }
    guard values.count % 4 != 1, paddings == 0 || (values.count % 4 > 0 && values.count % 4 + paddings == 4)
    else { return nil }
    var octets: [UInt8] = []
    for start in stride(from: 0, to: values.count, by: 4) {
      let group = values[start..<min(start + 4, values.count)]
      let bits = group.reduce(0) { $0 << 6 | $1 } << (6 * UInt32(4 - group.count))
      octets += [16, 8, 0].prefix(group.count - 1).map { UInt8(truncatingIfNeeded: bits >> $0) }
    }
    return octets.count <= room ? octets : nil
  }

  /// Decodes with and without what is known of other texts.
  private func expectSame(_ text: [UInt8], knowing known: KnownBase64? = nil, room: Int) {
    let wanted = Base64RunTests.plain(text, room: room)
    for known in [nil, known] {
      // What stands behind the room would show what is written there.
      var output = [UInt8](repeating: 0xEE, count: room + 32)
      let count = unsafe output.withUnsafeMutableBufferPointer { memory in
        var span = unsafe UnsafeMutableBufferPointer(rebasing: memory[..<room]).mutableSpan
        return Base64.decodeTarget(text.span, knowing: known, into: &span)
      }
      #expect(count.map { Array(output[..<$0]) } == wanted, "\(text) into \(room)")
      #expect(output[room...].allSatisfy { $0 == 0xEE })
    }
  }

  /// Characters, some of them coded, coded twice or none of base64.
  ///
  /// - Parameter damage: of so many, one is something else.
  private func text(_ count: Int, damage: Int, _ random: inout SeededGenerator) -> [UInt8] {
    let alphabet = Array("ABCXYZabcxyz0189+/-_ ".utf8)
    var text: [UInt8] = []
    for _ in 0..<count {
      let character = alphabet.randomElement(using: &random) ?? 0x41
      let digits = Array((character < 16 ? "0" : "") + String(character, radix: 16)).map { $0.asciiValue ?? 0 }
      switch Int.random(in: 0..<damage, using: &random) {
      case 1: text += [0x25, 0x32, 0x35] + digits
      case 2: text += [0x0D, 0x0A]
      case 3: text.append(UInt8.random(in: 0...255, using: &random))
      case 4: text.append(0x25)
      default: text += Int.random(in: 0..<8, using: &random) == 0 ? [0x25] + digits : [character]
      }
    }
    let ends = [
      "", "=", "==", "===", "%3D", "%3d%3D", "%3D=", "=%3D", "%253D", "%25%3D", "%2%3D", "%=", "%3D%3D\n", "%2=",
    ]
    return text + Array(ends.randomElement(using: &random)?.utf8 ?? "".utf8)
  }

  @Test("texts of chance, plain, coded, coded twice, damaged, into room of every size")
  func chance() {
    var random = SeededGenerator(seed: 12)
    for _ in 0..<20_000 {
      let damage = [40, 300].randomElement(using: &random) ?? 40
      let text = text(Int.random(in: 0...60, using: &random), damage: damage, &random)
      expectSame(text, room: Int.random(in: 0...50, using: &random))
      expectSame(text, room: 100)
    }
  }

  @Test("every length with its padding, plain and coded, into just enough room and one octet less")
  func lengths() {
    var random = SeededGenerator(seed: 13)
    for count in 1..<100 {
      let octets = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      for text in [Base64.encode(octets), Base64.encodeForTarget(octets)] {
        expectSame(text, room: count)
        expectSame(text, room: count - 1)
        expectSame(text.filter { $0 != 0x3D }, room: count)
      }
    }
  }

  @Test("what is known, and any octet of it another, cut off, or with other octets behind")
  func knownTexts() {
    var random = SeededGenerator(seed: 14)
    let parts = [24, 53, 54, 93, 53].map { count in (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
    // Two that differ late, as the keys of one CA do; and one that is too short to be known.
    let known = KnownBase64([parts[0], parts[1], parts[2], parts[3], Array(parts[1][..<50]) + [1, 2, 3], [1, 2, 3]])
    for part in parts {
      let octets = (0..<12).map { _ in UInt8.random(in: 0...255, using: &random) } + part + [1, 2, 3, 4, 5]
      for text in [Base64.encode(octets), Base64.encodeForTarget(octets)] {
        expectSame(text, knowing: known, room: octets.count)
        for place in text.indices {
          var other = text
          other[place] = [0x41, 0x25, 0x2D, 0x3D, 0x62].randomElement(using: &random) ?? 0x41
          expectSame(other, knowing: known, room: octets.count)
          expectSame(Array(text[..<place]), knowing: known, room: octets.count)
        }
        for room in 0..<octets.count { expectSame(text, knowing: known, room: room) }
      }
    }
  }

  @Test("a known text is compared and not decoded")
  func knownIsUsed() {
    let part = (0..<54).map { UInt8($0) }
    let text = Base64.encode([UInt8](repeating: 7, count: 12) + part)
    var output = [UInt8](repeating: 0, count: 100)
    let (read, written) = unsafe output.withUnsafeMutableBytes { memory in
      unsafe text.withUnsafeBytes { source in
        var (source, target) = unsafe (source.baseAddress! + 16, memory.baseAddress!)
        let (first, start) = unsafe (source, target)
        unsafe KnownBase64([part]).decode(&source, first + 72, &target, start + 100)
        return unsafe (source - first, target - start)
      }
    }
    #expect(read == 72 && written == 54 && Array(output[..<54]) == part)
  }
}
