/// From r and s side by side, as tokens return them, to Ecdsa-Sig-Value (RFC 3279 2.2.3).
enum ECDSASignature {
  /// `SEQUENCE { r INTEGER, s INTEGER }`; nil where the octets are no two numbers of equal length, or one of them is zero.
  static func der(_ raw: UnsafeRawBufferPointer) -> [UInt8]? {
    let half = raw.count / 2
    // 66 octets for P-521: the content stays under 256 octets.
    guard raw.count % 2 == 0, (1...66).contains(half) else { return nil }
    let r = unsafe significant(raw, from: 0, to: half)
    let s = unsafe significant(raw, from: half, to: raw.count)
    guard r < half, s < raw.count else { return nil }
    let (rPads, sPads) = unsafe (raw[r] >= 0x80 ? 1 : 0, raw[s] >= 0x80 ? 1 : 0)
    let rCount = half - r + rPads
    let sCount = raw.count - s + sPads
    let content = 2 + rCount + 2 + sCount
    let count = content + (content < 0x80 ? 2 : 3)
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      var place = 0
      func put(_ octet: UInt8) {
        unsafe buffer[place] = octet
        place += 1
      }
      func integer(_ start: Int, _ end: Int, _ pads: Int, _ count: Int) {
        put(0x02)
        put(UInt8(count))
        if pads == 1 { put(0) }
        for index in start..<end { put(unsafe raw[index]) }
      }
      put(0x30)
      if content >= 0x80 { put(0x81) }
      put(UInt8(content))
      integer(r, half, rPads, rCount)
      integer(s, raw.count, sPads, sCount)
      initialized = place
    }
  }

  /// Where the first octet stands that is not zero.
  private static func significant(_ raw: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int {
    var place = start
    while place < end, unsafe raw[place] == 0 { place += 1 }
    return place
  }
}
