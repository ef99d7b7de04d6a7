import COpenSSL

/// HMAC with SHA-256 (RFC 2104, FIPS 198-1).
public enum MessageAuthentication {
  /// The code of a message: 32 octets.
  public static func hmacSHA256(key: [UInt8], _ message: [UInt8]) throws(CryptoError) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    let result = unsafe HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, &count)
    guard unsafe result != nil, count == 32 else { throw .openSSL("no HMAC with SHA-256 to be had") }
    return code
  }

  /// Whether both are the same, in a time that depends on their lengths alone: who guesses a code learns nothing of it.
  public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
  }
}
