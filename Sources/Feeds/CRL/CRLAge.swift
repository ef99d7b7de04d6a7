import CalendarTime

/// Whether an issuer's CRL is too old to answer by. Pure.
enum CRLAge {
  /// Why the issuer's answers are withheld; nil where they are not.
  ///
  /// - Parameters:
  ///   - newestUpdate: thisUpdate of the newest CRL that was accepted; nil where none was since the start.
  ///   - maximumSeconds: nil where any age will do.
  static func objection(
    issuerName: String, newestUpdate: UnixTime?, maximumSeconds: Int64?, now: UnixTime
  ) -> String? {
    guard let maximumSeconds else { return nil }
    guard let newestUpdate else {
      return "issuer '\(issuerName)': no CRL has been read since the start, and crl.maximumAge wants one; its "
        + "questions are answered tryLater"
    }
    let age = now.seconds(since: newestUpdate)
    guard age > maximumSeconds else { return nil }
    return "issuer '\(issuerName)': its newest CRL, of \(newestUpdate.iso8601), is \(age) s old, and crl.maximumAge is "
      + "\(maximumSeconds) s; its questions are answered tryLater"
  }
}
