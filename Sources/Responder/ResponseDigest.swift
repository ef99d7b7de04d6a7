/// The SHA-256 of a whole OCSPResponse, stored inline: what the entity tag is made of (RFC 9919 7.2).
public struct ResponseDigest: Sendable, Hashable, BitwiseCopyable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  /// Traps unless there are 32 octets: what a SHA-256 function returns.
  public init(octets: [UInt8]) {
    self.init(octets: octets.span)
  }

  /// Traps unless there are 32 octets.
  public init(octets: Span<UInt8>) {
    precondition(octets.count == 32, "a SHA-256 digest has 32 octets")
    func word(_ start: Int) -> UInt64 {
      unsafe UInt64(littleEndian: octets.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self))
    }
    words = (word(0), word(8), word(16), word(24))
  }

  /// Reads 32 octets, wherever they lie.
  init(reading source: UnsafeRawPointer) {
    words = unsafe (
      source.loadUnaligned(as: UInt64.self), source.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
      source.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
      source.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    )
  }

  /// Writes the 32 octets, wherever they shall lie.
  func write(to target: UnsafeMutableRawPointer) {
    unsafe target.storeBytes(of: words.0, as: UInt64.self)
    unsafe target.storeBytes(of: words.1, toByteOffset: 8, as: UInt64.self)
    unsafe target.storeBytes(of: words.2, toByteOffset: 16, as: UInt64.self)
    unsafe target.storeBytes(of: words.3, toByteOffset: 24, as: UInt64.self)
  }

  public subscript(index: Int) -> UInt8 {
    let word =
      switch index >> 3 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    return UInt8(truncatingIfNeeded: word >> UInt64((index & 7) * 8))
  }

  /// Writes the octets in lower-case hexadecimal, 64 digits.
  public func writeHexadecimal(to target: UnsafeMutablePointer<UInt8>) {
    let target = UnsafeMutableRawPointer(target)
    unsafe ResponseDigest.put(words.0, target)
    unsafe ResponseDigest.put(words.1, target + 16)
    unsafe ResponseDigest.put(words.2, target + 32)
    unsafe ResponseDigest.put(words.3, target + 48)
  }

  @inline(__always)
  private static func put(_ word: UInt64, _ target: UnsafeMutableRawPointer) {
    unsafe target.storeBytes(of: digits(UInt32(truncatingIfNeeded: word)), as: UInt64.self)
    unsafe target.storeBytes(of: digits(UInt32(truncatingIfNeeded: word >> 32)), toByteOffset: 8, as: UInt64.self)
  }

  /// The eight digits of four octets, both from the lowest octet on.
  @inline(__always)
  private static func digits(_ octets: UInt32) -> UInt64 {
    // An octet to each pair of digits, then a half to each digit, the higher one first.
    var spread = UInt64(octets)
    spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
    spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
    let halves = (spread >> 4 & 0x000F_000F_000F_000F) | (spread & 0x000F_000F_000F_000F) << 8
    // 1 where a digit is a letter: ten and more.
    let letters = (halves &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return halves &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
  }

  /// The first eight octets as a number.
  public var prefixWord: UInt64 { words.0 }

  /// Adds the 32 octets.
  func append(to octets: inout OutputSpan<UInt8>) {
    for index in 0..<32 { octets.append(self[index]) }
  }

  public var octets: [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 32) { octets, count in
      for index in 0..<32 { unsafe octets[index] = self[index] }
      count = 32
    }
  }

  public static func == (left: ResponseDigest, right: ResponseDigest) -> Bool {
    left.words == right.words
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
  }
}
