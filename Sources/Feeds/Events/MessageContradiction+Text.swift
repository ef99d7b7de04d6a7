import CalendarTime
import OCSP
import Responder

extension MessageContradiction {
  /// For whoever has sent it.
  var text: String {
    switch kind {
    case .notIssued: "certificate \(serial) cannot be released: it was never issued, as far as this responder was told"
    case .heldLater(let revocation):
      "certificate \(serial) was put on hold at \(revocation.time.iso8601), after the time of this event: it stays on hold"
    case .revokedForGood(let revocation):
      "certificate \(serial) cannot be released: it is revoked (\(revocation.reason?.name ?? "no reason") since "
        + "\(revocation.time.iso8601)), and only certificateHold can be lifted (RFC 5280 5.3.1)"
    }
  }
}
