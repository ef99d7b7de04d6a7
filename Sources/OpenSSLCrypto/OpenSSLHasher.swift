import COpenSSL
public import OCSP
public import Responder

/// The digests of CertIDs and entity tags.
public struct OpenSSLHasher: ResponseHasher {
  public init() {}

  public func sha256(_ first: [UInt8], _ second: [UInt8]) -> ResponseDigest {
    var octets = InlineArray<32, UInt8>(repeating: 0)
    var target = octets.mutableSpan
    let isDone = unsafe target.withUnsafeMutableBufferPointer { target in
      unsafe avouch_sha256_of_two(first, first.count, second, second.count, target.baseAddress)
    }
    precondition(isDone == 1, "SHA-256 is missing from OpenSSL")
    return ResponseDigest(octets: octets.span)
  }

  /// The digest of the octets; its length is the algorithm's `digestCount`.
  public func digest(_ octets: [UInt8], _ algorithm: HashAlgorithm) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: algorithm.digestCount)
    switch algorithm {
    case .sha1: unsafe SHA1(octets, octets.count, &result)
    case .sha256: unsafe SHA256(octets, octets.count, &result)
    case .sha384: unsafe SHA384(octets, octets.count, &result)
    case .sha512: unsafe SHA512(octets, octets.count, &result)
    }
    return result
  }
}

/// Random numbers from the operating system's generator, through OpenSSL.
public enum SecureRandom {
  public static func octets(_ count: Int) throws(CryptoError) -> [UInt8] {
    var octets = [UInt8](repeating: 0, count: count)
    guard unsafe RAND_bytes(&octets, Int32(count)) == 1 else { throw .openSSL("no random numbers to be had") }
    return octets
  }

  public static func number() throws(CryptoError) -> UInt64 {
    try octets(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}
