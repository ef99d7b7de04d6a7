/// A hash of up to 64 octets, stored inline so that comparing CertIDs allocates nothing.
public struct Digest: Sendable, Hashable {
  private var words = InlineWords()
  private var length: UInt8

  /// Octets: what the hash algorithm gives.
  public var count: Int { Int(length) }

  /// Nil for more than 64 octets.
  public init?(_ octets: Span<UInt8>, in range: Range<Int>) {
    guard range.count <= 64 else { return nil }
    length = UInt8(range.count)
    words.fill(octets.extracting(range))
  }

  /// Nil for more than 64 octets.
  public init?(_ octets: [UInt8]) {
    self.init(octets.span, in: 0..<octets.count)
  }

  public subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return words.octet(at: index)
  }

  public var octets: [UInt8] { (0..<count).map { self[$0] } }

  public static func == (left: Digest, right: Digest) -> Bool {
    left.length == right.length && left.words.isEqual(to: right.words)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(length)
    hasher.combine(words.first)
  }
}

/// Eight words that hold octets in little-endian order, zero where nothing was set.
private struct InlineWords: Sendable {
  private var words: InlineArray<8, UInt64> = InlineArray(repeating: 0)

  var first: UInt64 { words[0] }

  /// Takes up to 64 octets, a word at a time.
  mutating func fill(_ octets: Span<UInt8>) {
    for place in 0..<octets.count / 8 {
      words[place] = unsafe UInt64(
        littleEndian: octets.bytes.unsafeLoadUnaligned(fromByteOffset: place * 8, as: UInt64.self))
    }
    for index in octets.count & ~7..<octets.count {
      words[index >> 3] |= UInt64(octets[index]) << UInt64((index & 7) * 8)
    }
  }

  func octet(at index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: words[index >> 3] >> UInt64((index & 7) * 8))
  }

  func isEqual(to other: InlineWords) -> Bool {
    var difference: UInt64 = 0
    for index in 0..<8 { difference |= words[index] ^ other.words[index] }
    return difference == 0
  }
}
