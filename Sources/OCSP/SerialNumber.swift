/// A certificate's serial number as the content octets of its DER INTEGER.
///
/// Two serials are equal when their octets are: what a CA encoded is what is looked up, negative, zero and
/// 20-octet serials with a leading zero included (standards, quirk 13). Stored inline, so that it costs no
/// allocation as a key.
public struct SerialNumber: Sendable, Hashable, Comparable, BitwiseCopyable {
  /// RFC 5280 4.1.2.2 allows 20 octets; some private CAs use more. Longer ones are nobody's serial here.
  public static let maximumOctets = 32

  @usableFromInline var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  @usableFromInline var length: UInt8 = 0

  /// How many content octets: 1 to 32.
  @inlinable public var count: Int { Int(length) }

  /// The serial with these content octets, or nil where there are none or more than 32.
  public init?(content: Span<UInt8>) {
    guard content.count >= 1, content.count <= SerialNumber.maximumOctets else { return nil }
    length = UInt8(content.count)
    var values = InlineArray<4, UInt64>(repeating: 0)
    for place in 0..<content.count / 8 {
      values[place] = unsafe UInt64(
        littleEndian: content.bytes.unsafeLoadUnaligned(fromByteOffset: place * 8, as: UInt64.self))
    }
    for index in content.count & ~7..<content.count {
      values[index >> 3] |= UInt64(content[index]) << UInt64((index & 7) * 8)
    }
    words = (values[0], values[1], values[2], values[3])
  }

  /// The serial with these content octets, or nil where there are none or more than 32.
  public init?(content: [UInt8]) {
    self.init(content: content.span)
  }

  /// The content octet at `index`, counted from the most significant.
  @inlinable public subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    let word =
      switch index >> 3 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    return UInt8(truncatingIfNeeded: word >> UInt64((index & 7) * 8))
  }

  /// The content octets, most significant first.
  public var octets: [UInt8] {
    (0..<count).map { self[$0] }
  }

  /// Writes the content octets over those that are there.
  public func copy(into octets: inout [UInt8], at start: Int) {
    unsafe withUnsafeBytes(of: words) { words in
      unsafe octets.withUnsafeMutableBytes { target in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[start..<start + count]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: words[..<count]))
      }
    }
  }

  /// The four little-endian words that hold the octets, zero beyond `count`: for hash functions.
  @inlinable public var packedWords: (UInt64, UInt64, UInt64, UInt64) { words }

  public static func == (left: SerialNumber, right: SerialNumber) -> Bool {
    left.length == right.length && left.words == right.words
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(length)
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }

  /// Octet by octet, the order in which a database sorts the same blobs.
  public static func < (left: SerialNumber, right: SerialNumber) -> Bool {
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
      return left[index] < right[index]
    }
    return left.count < right.count
  }
}

extension SerialNumber: CustomStringConvertible {
  /// Upper-case hexadecimal of the content octets, as `openssl x509 -serial` prints it save for a leading `00` octet.
  public var hexadecimal: String {
    let digits = Array("0123456789ABCDEF".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(count * 2)
    for index in 0..<count {
      text.append(digits[Int(self[index] >> 4)])
      text.append(digits[Int(self[index] & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  public var description: String { hexadecimal }

  /// Reads a *number* in hexadecimal, as `index.txt`, `openssl x509 -serial` and people write it: either case, an
  /// optional `0x`, colons between octets, an odd number of digits, a leading minus. The octets are the minimal
  /// DER INTEGER of that number, so `FF` becomes `00 FF`. Nil for anything else or for over 32 octets.
  public init?(hexadecimal text: String) {
    var digits: [UInt8] = []
    var rest = Substring(text)
    let negative = rest.hasPrefix("-")
    if negative { rest = rest.dropFirst() }
    if rest.hasPrefix("0x") || rest.hasPrefix("0X") { rest = rest.dropFirst(2) }
    for byte in rest.utf8 {
      switch byte {
      case 0x30...0x39: digits.append(byte - 0x30)
      case 0x41...0x46: digits.append(byte - 0x41 + 10)
      case 0x61...0x66: digits.append(byte - 0x61 + 10)
      case 0x3A where !digits.isEmpty: continue
      default: return nil
      }
    }
    guard !digits.isEmpty, digits.count <= 4 * SerialNumber.maximumOctets else { return nil }
    if digits.count % 2 == 1 { digits.insert(0, at: 0) }
    var octets = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    octets.removeFirst(octets.prefix { $0 == 0 }.count)
    if octets.isEmpty {
      octets = [0]
    } else if negative {
      octets = SerialNumber.twosComplement(of: octets)
    } else if octets[0] >= 0x80 {
      octets.insert(0, at: 0)
    }
    self.init(content: octets)
  }

  private static func twosComplement(of magnitude: [UInt8]) -> [UInt8] {
    var octets = [0] + magnitude.map { $0 }
    var carry: UInt16 = 1
    for index in octets.indices.reversed() {
      let sum = UInt16(~octets[index]) + carry
      octets[index] = UInt8(truncatingIfNeeded: sum)
      carry = sum >> 8
    }
    while octets.count > 1, octets[0] == 0xFF, octets[1] >= 0x80 { octets.removeFirst() }
    return octets
  }
}
