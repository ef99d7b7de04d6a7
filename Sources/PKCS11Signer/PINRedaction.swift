/// PINs that stand in text as `pin-value=…`, whatever the spelling: capitals, percent encoding, `_` or nothing for `-`.
public enum PINRedaction {
  /// The text with `…` in the place of every such PIN, and of what stands behind it up to `&`, or to a colon or
  /// quote with a blank behind it.
  public static func redacted(_ text: String) -> String {
    guard text.utf8.contains(0x3D) || text.utf8.contains(0x25) else { return text }
    let octets = decoded(text)
    var kept: [UInt8] = []
    var place = 0
    while place < octets.count {
      guard let end = endOfName(octets, at: place), let value = beginOfValue(octets, behind: end) else {
        kept += octets[place].written
        place += 1
        continue
      }
      kept += octets[place..<value].flatMap(\.written) + Array("…".utf8)
      place = endOfValue(octets, from: value)
    }
    return String(decoding: kept, as: UTF8.self)
  }

  /// Whether the text has such a name in it.
  static func isNamed(in text: String) -> Bool {
    let octets = decoded(text)
    return octets.indices.contains { endOfName(octets, at: $0) != nil }
  }

  /// An octet, and how the text writes it.
  private struct Octet {
    var value: UInt8
    var written: [UInt8]

    /// In small letters.
    var small: UInt8 { (0x41...0x5A).contains(value) ? value | 0x20 : value }
  }

  private static func decoded(_ text: String) -> [Octet] {
    let all = Array(text.utf8)
    var octets: [Octet] = []
    var place = 0
    while place < all.count {
      if all[place] == 0x25, place + 2 < all.count, let high = digit(all[place + 1]), let low = digit(all[place + 2]) {
        octets.append(Octet(value: high << 4 | low, written: Array(all[place..<place + 3])))
        place += 3
      } else {
        octets.append(Octet(value: all[place], written: [all[place]]))
        place += 1
      }
    }
    return octets
  }

  private static func digit(_ octet: UInt8) -> UInt8? {
    switch octet {
    case 0x30...0x39: octet - 0x30
    case 0x41...0x46, 0x61...0x66: (octet & 0xDF) - 0x37
    default: nil
    }
  }

  private static func endOfName(_ octets: [Octet], at place: Int) -> Int? {
    guard var end = skip("pin", octets, at: place) else { return nil }
    while end < octets.count, [0x20, 0x2D, 0x5F].contains(octets[end].value) { end += 1 }
    return skip("value", octets, at: end)
  }

  private static func skip(_ word: StaticString, _ octets: [Octet], at place: Int) -> Int? {
    let end = place + word.utf8CodeUnitCount
    guard end <= octets.count else { return nil }
    let matches = octets[place..<end].map(\.small) == Array("\(word)".utf8)
    return matches ? end : nil
  }

  private static func beginOfValue(_ octets: [Octet], behind name: Int) -> Int? {
    var place = name
    while place < octets.count, octets[place].value == 0x20 { place += 1 }
    return place < octets.count && octets[place].value == 0x3D ? place + 1 : nil
  }

  private static func endOfValue(_ octets: [Octet], from begin: Int) -> Int {
    var place = begin
    while place < octets.count {
      // How messages go on behind what they quote.
      let isQuoteEnd = place + 1 < octets.count && octets[place + 1].value == 0x20
      if isQuoteEnd, [0x27, 0x3A].contains(octets[place].value) { break }
      if [0x0A, 0x26].contains(octets[place].value) { break }
      place += 1
    }
    return place
  }
}
