import COpenSSL

/// PEM files (RFC 7468), read by OpenSSL.
public enum PEM {
  /// One block of a file: `BEGIN X509 CRL` has the label `X509 CRL`.
  public struct Block: Sendable, Hashable {
    public var label: String
    public var der: [UInt8]
  }

  /// The DER of the one block that a file holds under one of these labels; a DER file is taken as it is.
  ///
  /// - Parameter name: the file's name, for messages.
  public static func der(in octets: [UInt8], labels: [String], name: String) throws(CryptoError) -> [UInt8] {
    if octets.first == 0x30 { return octets }
    let found = try blocks(in: octets)
    let fitting = found.filter { labels.contains($0.label) }
    guard fitting.count < 2 else {
      throw CryptoError(
        "\(name): \(fitting.count) blocks with BEGIN \(labels[0]); one is expected, or each in a file of its own")
    }
    guard let block = fitting.first else {
      let seen = found.isEmpty ? "no PEM block" : found.map { "BEGIN \($0.label)" }.joined(separator: ", ")
      throw CryptoError("\(name): expected DER, or PEM with BEGIN \(labels[0]); found \(seen)")
    }
    return block.der
  }

  /// Every block of a file, in order; what stands between them is skipped.
  public static func blocks(in octets: [UInt8]) throws(CryptoError) -> [Block] {
    defer { ERR_clear_error() }
    return try unsafe MemoryBIO.reading(octets) { bio in
      var blocks: [Block] = []
      while let block = unsafe next(bio) { blocks.append(block) }
      return blocks
    }
  }

  private static func next(_ bio: OpaquePointer) -> Block? {
    var label: UnsafeMutablePointer<CChar>?
    var header: UnsafeMutablePointer<CChar>?
    var content: UnsafeMutablePointer<UInt8>?
    var count = 0
    guard unsafe PEM_read_bio(bio, &label, &header, &content, &count) == 1 else { return nil }
    defer {
      unsafe CRYPTO_free(label, nil, 0)
      unsafe CRYPTO_free(header, nil, 0)
      unsafe CRYPTO_free(content, nil, 0)
    }
    guard let label = unsafe label, let content = unsafe content else { return nil }
    return unsafe Block(
      label: String(cString: label), der: Array(UnsafeBufferPointer(start: content, count: count)))
  }
}
