import COpenSSL
import Glibc

/// Why TLS does not go on, in words that name the file or the reason.
public struct TLSFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public var why: String

  public init(why: String) {
    self.why = why
  }

  public var description: String { why }

  /// `what`, with what OpenSSL has to say of it; empties this thread's error queue.
  static func openSSL(_ what: String) -> TLSFailure {
    var reasons: [String] = []
    while true {
      let code = ERR_get_error()
      guard code != 0 else { break }
      guard let reason = text(code), !reasons.contains(reason) else { continue }
      reasons.append(reason)
    }
    return TLSFailure(why: reasons.isEmpty ? what : "\(what): \(reasons.joined(separator: ", "))")
  }

  private static func text(_ code: UInt) -> String? {
    // A system call's errno, for which OpenSSL has no words; what it says behind it is only that a system call failed.
    if ERR_GET_LIB(code) == ERR_LIB_SYS { return unsafe String(cString: strerror(ERR_GET_REASON(code))) }
    guard ERR_GET_REASON(code) != ERR_R_SYS_LIB, let text = unsafe ERR_reason_error_string(code) else { return nil }
    return unsafe String(cString: text)
  }
}
