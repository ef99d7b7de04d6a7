import COpenSSL

/// What went wrong with a key, a certificate or a signature, in words that name what was expected.
public struct CryptoError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) {
    self.description = description
  }

  /// `what`, with what OpenSSL has to say of it; empties this thread's error queue.
  static func openSSL(_ what: String) -> CryptoError {
    var reasons: [String] = []
    while true {
      let code = ERR_get_error()
      guard code != 0 else { break }
      guard let text = unsafe ERR_reason_error_string(code) else { continue }
      let reason = unsafe String(cString: text)
      if !reasons.contains(reason) { reasons.append(reason) }
    }
    return CryptoError(reasons.isEmpty ? what : "\(what) (OpenSSL: \(reasons.joined(separator: ", ")))")
  }
}
