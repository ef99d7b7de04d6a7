import COpenSSL

/// Checks signatures as they stand in X.509 structures: over raw octets, with a DER AlgorithmIdentifier.
public enum SignatureVerifier {
  /// Whether `signature` is the certificate's key's signature over `message` under `algorithm`.
  ///
  /// - Parameters:
  ///   - message: one whole DER SEQUENCE (tbsResponseData, tbsCertList).
  ///   - algorithm: the DER AlgorithmIdentifier, PSS parameters included.
  ///   - signature: the BIT STRING's content without the unused-bits octet.
  public static func isValid(
    _ signature: [UInt8], over message: [UInt8], algorithm: [UInt8], by certificate: Certificate
  ) -> Bool {
    guard let key = unsafe X509_get0_pubkey(certificate.handle) else { return false }
    return unsafe isValid(signature, over: message, algorithm: algorithm, key: key)
  }

  /// The same with a key that has no certificate yet.
  public static func isValid(
    _ signature: [UInt8], over message: [UInt8], algorithm: [UInt8], by key: PublicKey
  ) -> Bool {
    unsafe isValid(signature, over: message, algorithm: algorithm, key: key.handle)
  }

  private static func isValid(
    _ signature: [UInt8], over message: [UInt8], algorithm: [UInt8], key: OpaquePointer
  ) -> Bool {
    defer { ERR_clear_error() }
    let parsedAlgorithm = unsafe algorithm.withUnsafeBufferPointer { octets -> UnsafeMutableRawPointer? in
      var cursor = octets.baseAddress
      return unsafe avouch_d2i_algorithm(&cursor, octets.count)
    }
    guard let parsedAlgorithm = unsafe parsedAlgorithm else { return false }
    defer { unsafe avouch_free_algorithm(parsedAlgorithm) }
    return unsafe message.withUnsafeBufferPointer { octets in
      unsafe avouch_verify_raw(
        parsedAlgorithm, octets.baseAddress, octets.count, signature, Int32(clamping: signature.count), key) == 1
    }
  }
}
