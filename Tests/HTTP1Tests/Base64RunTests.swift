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
    guard values.count % 4 != 1, paddings == 0 || values.count % 4 + paddings == 4 else { return nil }
    var octets: [UInt8] = []
    for start in stride(from: 0, to: values.count, by: 4) {
      let group = values[start..<min(start + 4, values.count)]
      let bits = group.reduce(0) { $0 << 6 | $1 } << (6 * UInt32(4 - group.count))
      octets += [16, 8, 0].prefix(group.count - 1).map { UInt8(truncatingIfNeeded: bits >> $0) }
    }
    return octets.count <= room ? octets : nil
  }

  private func expectSame(_ text: [UInt8], room: Int) {
    // Two octets behind the room show what is written there.
    var output = [UInt8](repeating: 0xEE, count: room)
    var span = output.mutableSpan
    let count = Base64.decodeTarget(text.span, into: &span)
    #expect(count.map { Array(output[..<$0]) } == Base64RunTests.plain(text, room: room), "\(text) into \(room)")
  }

  @Test("texts of chance, plain, coded, coded twice, damaged, into room of every size")
  func chance() {
    var random = SeededGenerator(seed: 12)
    let alphabet = Array("ABCXYZabcxyz0189+/-_ ".utf8)
    for _ in 0..<20_000 {
      var text: [UInt8] = []
      for _ in 0..<Int.random(in: 0...40, using: &random) {
        let character = alphabet.randomElement(using: &random) ?? 0x41
        let digits = Array((character < 16 ? "0" : "") + String(character, radix: 16)).map { $0.asciiValue ?? 0 }
        switch Int.random(in: 0..<40, using: &random) {
        case 0...5: text += [0x25] + digits
        case 6: text += [0x25, 0x32, 0x35] + digits
        case 7: text += [0x0D, 0x0A]
        case 8: text.append(UInt8.random(in: 0...255, using: &random))
        case 9: text.append(0x25)
        default: text.append(character)
        }
      }
      if Bool.random(using: &random) {
        text += Array(["=", "==", "%3D", "%3D%3d", "%3D="].randomElement(using: &random)?.utf8 ?? "".utf8)
      }
      expectSame(text, room: Int.random(in: 0...34, using: &random))
      expectSame(text, room: 64)
    }
  }
}
