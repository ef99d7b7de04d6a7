/// The hash slots of Redis Cluster: CRC16 of the key, or of its hash tag, modulo 16384.
enum ClusterSlot {
  static let count = 16_384

  static func of(_ key: [UInt8]) -> Int {
    Int(crc16(hashTag(of: key))) % count
  }

  /// What stands between the first `{` and the next `}`, where that is not empty; else the whole key.
  static func hashTag(of key: [UInt8]) -> ArraySlice<UInt8> {
    guard let open = key.firstIndex(of: UInt8(ascii: "{")),
      let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
    else { return key[...] }
    return key[open + 1..<close]
  }

  /// CRC-16/XMODEM: polynomial 0x1021, start 0, nothing reflected.
  static func crc16(_ octets: ArraySlice<UInt8>) -> UInt16 {
    octets.reduce(0) { crc, octet in
      (crc << 8) ^ table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ octet)]
    }
  }

  private static let table: [UInt16] = (0..<256).map { index in
    (0..<8).reduce(UInt16(index) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : (crc << 1) ^ 0x1021 }
  }
}
