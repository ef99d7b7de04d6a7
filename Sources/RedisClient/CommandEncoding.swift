/// Commands as RESP writes them: an array of bulk strings.
enum CommandEncoding {
  /// An upper bound of what `octets(of:)` will give.
  static func bound(_ words: [[UInt8]]) -> Int {
    words.reduce(32) { $0 + $1.count + 32 }
  }

  /// Into one array of the whole size: a command is mostly one large word, and there are many of them.
  static func octets(of words: [[UInt8]]) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: bound(words)) { buffer, count in
      var writer = unsafe Writer(buffer)
      unsafe writer.write(number: words.count, after: UInt8(ascii: "*"))
      for word in words {
        unsafe writer.write(number: word.count, after: UInt8(ascii: "$"))
        unsafe writer.write(word)
        unsafe writer.writeLineEnd()
      }
      count = unsafe writer.count
    }
  }

  /// Writes into memory of at least `bound` octets.
  @unsafe
  private struct Writer {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
      unsafe self.buffer = unsafe buffer
    }

    mutating func write(_ octet: UInt8) {
      unsafe buffer[count] = octet
      unsafe count += 1
    }

    mutating func write(_ octets: [UInt8]) {
      unsafe count += UnsafeMutableBufferPointer(rebasing: buffer[count...]).update(fromContentsOf: octets)
    }

    mutating func write(number: Int, after mark: UInt8) {
      unsafe write(mark)
      var divisor = 1
      while number / divisor >= 10 { divisor *= 10 }
      while divisor > 0 {
        unsafe write(UInt8(ascii: "0") + UInt8(number / divisor % 10))
        divisor /= 10
      }
      unsafe writeLineEnd()
    }

    mutating func writeLineEnd() {
      unsafe write(13)
      unsafe write(10)
    }
  }
}
