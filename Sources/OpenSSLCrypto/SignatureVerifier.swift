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

  /// The same where all parts lie in one array, as they do in a CRL: the message, which may be large, is not copied.
  ///
  /// - Parameters: ranges in `octets`.
  public static func isValid(
    in octets: [UInt8], signature: Range<Int>, message: Range<Int>, algorithm: Range<Int>, by certificate: Certificate
  ) -> Bool {
    defer { ERR_clear_error() }
    guard let key = unsafe X509_get0_pubkey(certificate.handle) else { return false }
    let outcome = unsafe octets.withUnsafeBufferPointer { all -> Int32 in
      guard let base = all.baseAddress else { return 0 }
      var cursor: UnsafePointer<UInt8>? = unsafe base + algorithm.lowerBound
      guard let parsed = unsafe avouch_d2i_algorithm(&cursor, algorithm.count) else { return 0 }
      defer { unsafe avouch_free_algorithm(parsed) }
      return unsafe avouch_verify_in_place(
        parsed, base + message.lowerBound, message.count, base + signature.lowerBound, signature.count, key)
    }
    guard outcome < 0 else { return outcome == 1 }
    return unsafe isValid(
      Array(octets[signature]), over: Array(octets[message]), algorithm: Array(octets[algorithm]), key: key)
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
