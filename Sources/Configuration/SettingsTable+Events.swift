extension SettingsTable {
  /// Where a CA's events are received.
  static let events: [Setting] = [
    Setting(
      "events.listen", .texts,
      "Where the CA's events are received (`POST /v1/events`), as `listen` has addresses; left out: nowhere. Never a public address."
    ),
    Setting(
      "events.tls.certificate", .text,
      "PEM, the server's certificate and the chain behind it: `events.listen` speaks TLS alone then."),
    Setting("events.tls.key", .text, "The key of that certificate, PEM."),
    Setting(
      "events.tls.clientAuthority", .text,
      "CA certificates, PEM: a sender needs a certificate that one of them vouches for; left out, none is asked for."),
    Setting(
      "events.stream", .text,
      "A stream of the fleet's Redis (`redis.nodes`) that the CA's events are read from; left out: none."),
    Setting(
      "events.tolerance", .duration(10...3600, words: []), "5m",
      "How old an event's signature may be, or how far ahead of this machine's clock."),
    Setting(
      "events.requestBody", .size(1 << 10...(64 << 20)), "8MiB",
      "One event with all its certificates; over it: 413."),
    Setting("events.connections", .integer(1...10_000), "64", "Open connections of senders; one more is told 503."),
  ]
}
