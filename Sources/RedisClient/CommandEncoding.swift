/// Commands as RESP writes them: an array of bulk strings.
enum CommandEncoding {
  /// An upper bound of what `octets(of:)` will give.
  static func bound(_ words: [[UInt8]]) -> Int {
    words.reduce(32) { $0 + $1.count + 32 }
  }

  static func octets(of words: [[UInt8]]) -> [UInt8] {
    var octets: [UInt8] = []
    octets.reserveCapacity(bound(words))
    append(words, to: &octets)
    return octets
  }

  static func append(_ words: [[UInt8]], to octets: inout [UInt8]) {
    append(words.count, after: UInt8(ascii: "*"), to: &octets)
    for word in words {
      append(word.count, after: UInt8(ascii: "$"), to: &octets)
      octets += word
      appendLineEnd(to: &octets)
    }
  }

  // Not an array of its own: its references would be counted eight times a command.
  private static func appendLineEnd(to octets: inout [UInt8]) {
    octets.append(13)
    octets.append(10)
  }

  private static func append(_ number: Int, after mark: UInt8, to octets: inout [UInt8]) {
    octets.append(mark)
    var divisor = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      octets.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
    appendLineEnd(to: &octets)
  }
}
