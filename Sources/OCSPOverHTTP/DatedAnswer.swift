import HTTP1
import OCSP

/// Answers by their date alone.
enum DatedAnswer {
  /// Whether 304 may be said of an answer that is not newer than the client's, as far as the dates tell.
  ///
  /// Dates are whole seconds, and a clock may be set back: an answer that says `good` and the one after it that says `revoked`
  /// can have the same date, and 304 would give the former a longer life. So a revoked answer is sent again to who asks by the
  /// date alone (RFC 9110 8.8.2.2: such a date is a weak validator).
  static func canBeNotModified(_ head: RequestHead, prefix: Span<UInt8>) -> Bool {
    if head.ifNoneMatch.count > 0 { return true }
    guard let layout = ResponseLayout(prefix: prefix) else { return false }
    return layout.revocationTime == nil
  }
}
