extension SettingsTable {
  private static let day = 86_400

  static let crl: [Setting] = [
    Setting(
      "issuers[].crl.sources", .texts,
      "Where the CA's CRLs are: files, and `http://` or `https://` URLs; complete and delta CRLs. What is new in them goes into the store by itself."
    ),
    Setting(
      "issuers[].crl.interval", .duration(1...30 * day, words: []), "5m",
      "How often URLs are asked for a newer CRL; files are read when they change."),
    Setting(
      "issuers[].crl.maximumAge", .duration(2...3650 * day, words: []),
      "When the newest CRL is older than this, or none has been read since the start, the issuer's questions are answered tryLater; left out: a CRL may be of any age."
    ),
    Setting(
      "issuers[].crl.maximumSize", .size(1 << 10...(1 << 31)), "128MiB",
      "A CRL that is larger is refused, unread. An entry has about 40 octets."),
    Setting(
      "issuers[].crl.authority", .text,
      "CA certificates that vouch for https servers, PEM; left out, those of the system."),
  ]
}
