import COpenSSL

/// Octets through OpenSSL's in-memory BIO.
enum MemoryBIO {
  static func reading<Result>(
    _ octets: [UInt8], _ body: (OpaquePointer) -> Result
  ) throws(CryptoError) -> Result {
    // The BIO keeps a pointer into the octets: it lives and dies inside.
    let result = unsafe octets.withUnsafeBytes { buffer -> Result? in
      guard let bio = unsafe BIO_new_mem_buf(buffer.baseAddress, Int32(clamping: buffer.count)) else { return nil }
      defer { unsafe BIO_free(bio) }
      return unsafe body(bio)
    }
    guard let result else { throw .openSSL("out of memory") }
    return result
  }

  static func writing(_ body: (OpaquePointer) -> Int32) -> [UInt8] {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { return [] }
    defer { unsafe BIO_free(bio) }
    guard unsafe body(bio) >= 0 else { return [] }
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe BIO_read(bio, &chunk, Int32(chunk.count))
      guard count > 0 else { return octets }
      octets += chunk[..<Int(count)]
    }
  }
}

/// Runs one of OpenSSL's i2d functions twice: for the length, then for the octets.
func encoded(_ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8] {
  let count = encode(nil)
  guard count > 0 else { return [] }
  return unsafe [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
    var cursor = buffer.baseAddress
    initialized = unsafe Int(max(0, encode(&cursor)))
  }
}
