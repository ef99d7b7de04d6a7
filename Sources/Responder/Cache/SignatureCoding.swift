/// How an answer's signature is kept in fewer octets, and rebuilt.
///
/// An ECDSA signature is two integers in DER (RFC 3279 2.2.3), of nearly always the same size: kept as two coordinates of
/// fixed size. Others are kept as they are.
enum SignatureCoding: Equatable {
  /// Ecdsa-Sig-Value with two integers of at most so many octets each.
  case coordinates(Int)
  case whole

  /// What the signature looks like. Whether it can be rebuilt, `pack` and `unpack` say.
  init(_ signature: Span<UInt8>) {
    self = .whole
    for size in [28, 32, 48, 66] where SignatureCoding.fits(signature, size) {
      self = .coordinates(size)
      return
    }
  }

  /// Octets that `pack` writes for a signature of `count`.
  func packedCount(_ count: Int) -> Int {
    switch self {
    case .coordinates(let size): 2 * size
    case .whole: count
    }
  }

  /// Writes the signature's octets for keeping; false where it has another form.
  func pack(_ source: UnsafePointer<UInt8>, count: Int, to target: UnsafeMutablePointer<UInt8>) -> Bool {
    guard case .coordinates(let size) = self else {
      unsafe target.update(from: source, count: count)
      return true
    }
    guard let start = unsafe SignatureCoding.integersStart(source, count) else { return false }
    var place = start
    for coordinate in 0..<2 {
      guard unsafe SignatureCoding.packInteger(source, count, &place, size, target + coordinate * size) else {
        return false
      }
    }
    return place == count
  }

  /// Writes the signature again. `count` is what it had: where the kept octets make another size, the last ones are cut
  /// off or left as they are, and whoever compares notices.
  func unpack(_ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, count: Int) {
    guard case .coordinates(let size) = self else {
      unsafe target.update(from: source, count: count)
      return
    }
    unsafe target[0] = 0x30
    var place = 2
    // Of P-521 the content may need a length octet more (X.690 8.1.3.5).
    if count > 129 {
      unsafe target[1] = 0x81
      place = 3
    }
    unsafe target[place - 1] = UInt8(truncatingIfNeeded: count - place)
    for coordinate in 0..<2 {
      unsafe SignatureCoding.unpackInteger(source + coordinate * size, size, target, &place, limit: count)
    }
  }

  // MARK: - Integers

  private static func fits(_ signature: Span<UInt8>, _ size: Int) -> Bool {
    // At least one of a few signatures has a coordinate of the full size; a smaller curve is tried first.
    guard signature.count >= 8, signature.count <= 2 * size + 9 else { return false }
    return unsafe signature.withUnsafeBufferPointer { octets in
      guard let base = octets.baseAddress else { return false }
      return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * size) { scratch in
        guard let target = scratch.baseAddress else { return false }
        return unsafe SignatureCoding.coordinates(size).pack(base, count: octets.count, to: target)
      }
    }
  }

  /// The offset of the first INTEGER; nil where the octets are no SEQUENCE of just this size.
  private static func integersStart(_ source: UnsafePointer<UInt8>, _ count: Int) -> Int? {
    guard count >= 8, unsafe source[0] == 0x30 else { return nil }
    let length = unsafe Int(source[1])
    if length < 0x80 { return length == count - 2 ? 2 : nil }
    return unsafe length == 0x81 && source[2] >= 0x80 && Int(source[2]) == count - 3 ? 3 : nil
  }

  private static func packInteger(
    _ source: UnsafePointer<UInt8>, _ count: Int, _ place: inout Int, _ size: Int, _ target: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    guard place + 2 <= count, unsafe source[place] == 0x02 else { return false }
    var length = unsafe Int(source[place + 1])
    guard length >= 1, length < 0x80, place + 2 + length <= count else { return false }
    var start = place + 2
    place = start + length
    if unsafe source[start] == 0, length > 1 {
      // A zero octet stands before a number whose first bit is set, and before no other.
      guard unsafe source[start + 1] >= 0x80 else { return false }
      start += 1
      length -= 1
    } else if unsafe source[start] >= 0x80 {
      return false
    }
    guard length <= size else { return false }
    unsafe target.update(repeating: 0, count: size - length)
    unsafe (target + size - length).update(from: source + start, count: length)
    return true
  }

  private static func unpackInteger(
    _ source: UnsafePointer<UInt8>, _ size: Int, _ target: UnsafeMutablePointer<UInt8>, _ place: inout Int, limit: Int
  ) {
    var zeros = 0
    while zeros < size - 1, unsafe source[zeros] == 0 { zeros += 1 }
    let isPadded = unsafe source[zeros] >= 0x80
    let length = size - zeros
    guard place + 2 + (isPadded ? 1 : 0) + length <= limit else { return }
    unsafe target[place] = 0x02
    unsafe target[place + 1] = UInt8(truncatingIfNeeded: length + (isPadded ? 1 : 0))
    place += 2
    if isPadded {
      unsafe target[place] = 0
      place += 1
    }
    unsafe (target + place).update(from: source + zeros, count: length)
    place += length
  }
}
