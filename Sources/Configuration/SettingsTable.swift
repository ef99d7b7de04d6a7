/// Every key, every default and every limit of the configuration, in one place.
///
/// The reader, the JSON schema and docs/configuration.md are all made from it.
public enum SettingsTable {
  private static let day = 86_400

  public static let settings: [Setting] =
    general + surrogateKeys + fleet + events + limits + issuers + crl + purge

  private static let general: [Setting] = [
    Setting("store", .text, "avouch.sqlite", "The SQLite file with certificates, revocations and signed answers."),
    Setting(
      "listen", .texts, "0.0.0.0:8080",
      "Where OCSP is answered: `127.0.0.1:8080`, `[::1]:8080` (IPv6 alone), `:8080` (everything) or `unix:/path`."),
    Setting(
      "control", .text, "unix:avouch.control",
      "Where commands and monitoring reach the responder (health, metrics, applying revocations). Never a public address."
    ),
    Setting("workers", .integer(0...1024), "0", "Threads that answer; 0 is one for each processor."),
    Setting(
      "cache.memory", .size(1 << 20...(1 << 38)), "256MiB",
      "Memory for signed answers, taken at the start; an answer with a P-256 signature needs about 170 octets of it."),
    Setting(
      "signing.threads", .integer(0...1024), "0", "Threads that sign with keys in memory; 0 is one for each processor."),
    Setting(
      "signing.sessionsPerToken", .integer(1...256), "4",
      "How many signatures a token is asked for at once, if it allows."),
    Setting(
      "signing.callDeadline", .duration(1...600, words: []), "10s",
      "A call into a token's module that lasts longer is given up, and its thread with it."),
    Setting(
      "signing.renewalsPerSecond", .integer(0...1_000_000), "0",
      "Signatures a second that renewals may take of each token, so that the rest has room; 0 is no bound."),
    Setting(
      "signing.verifyOneIn", .integer(0...1_000_000), "100",
      "Of so many ECDSA and EdDSA signatures of a token, one is verified before it is used; 0 none. RSA: always all."),
  ]

  private static let limits: [Setting] = [
    Setting("limits.connections", .integer(1...1_000_000), "10000", "Open connections; one more is told 503."),
    Setting(
      "limits.requestHead", .size(1 << 10...(1 << 20)), "8KiB", "Request line and header fields; over it: 414 or 431."),
    Setting("limits.requestBody", .size(1 << 10...(1 << 20)), "16KiB", "Body of a POST; over it: 413."),
    Setting(
      "limits.headTimeout", .duration(1...3600, words: []), "10s",
      "From the first octet of a request to the end of its head."),
    Setting(
      "limits.bodyTimeout", .duration(1...3600, words: []), "10s", "From the end of the head to the end of the body."),
    Setting("limits.idleTimeout", .duration(1...3600, words: []), "60s", "Between two requests of a connection."),
    Setting("limits.writeTimeout", .duration(1...3600, words: []), "10s", "Until a client has read an answer."),
    Setting(
      "limits.drainTimeout", .duration(1...3600, words: []), "10s", "How long open requests are waited for at the end."),
    Setting(
      "limits.signingQueue", .integer(1...10_000_000), "10000",
      "Questions that wait for a signature at once; one more is told tryLater."),
    Setting(
      "limits.signingWait", .milliseconds(1...600_000), "100ms",
      "In line for a signature no question waits longer, by the speed at which its keys sign; one more is told tryLater. "
        + "64 may wait however slow they are. A line that stands for so long is a flood, in which only as many wait as keep the "
        + "keys busy."),
    Setting(
      "limits.questionDeadline", .duration(1...600, words: []), "8s", "After it a waiting question is told tryLater."),
    Setting("limits.retryAfter", .duration(1...3600, words: []), "2s", "What Retry-After says beside tryLater."),
    Setting(
      "limits.certificatesPerRequest", .integer(1...256), "16",
      "Certificates in one request; over it: malformedRequest."),
  ]

  private static let issuers: [Setting] = [
    Setting(
      "issuers[].name", .text, isRequired: true,
      "The name in commands and logs: letters, digits, `.`, `_`, `-`; at most 64."),
    Setting("issuers[].certificate", .text, isRequired: true, "The CA's certificate, PEM or DER."),
    Setting(
      "issuers[].urls", .texts,
      "The URLs under which the issuer's answers are asked for, as its certificates name them: `http://ocsp.example.com/`; needed where `purge` is by URL or checks."
    ),
    Setting(
      "issuers[].signer.key", .oneOrMoreTexts, isRequired: true, exceptAtEdges: true,
      "The private key that signs: a PEM file, or the PKCS#11 URI of a key in a token; a list for one key in several tokens. An edge needs none."
    ),
    Setting("issuers[].signer.keyPasswordFile", .text, "A file whose first line opens the key."),
    Setting(
      "issuers[].signer.certificate", .text,
      "The delegated responder's certificate, PEM or DER; left out, the key is the CA's own."),
    Setting(
      "issuers[].signer.embedCertificate", .choice(["auto", "always", "never"]), "auto",
      "Whether answers carry their signer's certificate; `auto`: a delegated responder's, and a self-signed CA's own."),
    Setting(
      "issuers[].signer.digest", .choice(["auto", "sha256", "sha384", "sha512"]), "auto",
      "Hash of the signature; `auto` takes what the rules give the key (P-384: SHA-384, P-521: SHA-512, else SHA-256)."),
    Setting("issuers[].signer.padding", .choice(["pkcs1", "pss"]), "pkcs1", "Padding of RSA signatures."),
    Setting(
      "issuers[].events.secretFiles", .texts,
      "Files with secrets (`whsec_…`, one on each line): who signs an event with one of them may speak for this issuer."
    ),
    Setting(
      "issuers[].events.stream", .boolean, "false",
      "Whether events of `events.stream` may speak for this issuer: who may write there, says Redis."),
    Setting(
      "issuers[].responderID", .choice(["byKey", "byName"]), "byKey",
      "How answers name their signer; RFC 9919 wants byKey."),
    Setting(
      "issuers[].publicProgramme", .boolean, "true",
      "Whether the CA/Browser Forum's and the root programmes' rules are kept; false lifts them."),
    Setting(
      "issuers[].validity", .duration(60...36_500 * day, words: ["forever"]), "3d",
      "thisUpdate to nextUpdate, both counted; `forever` writes 99991231235959Z."),
    Setting(
      "issuers[].refreshAge", .duration(10...36_500 * day, words: []),
      "At this age an answer is signed anew; left out: up to 1h before the latest age that the rules allow (half the validity, 4d, 8h before nextUpdate)."
    ),
    Setting("issuers[].maxAge", .duration(0...36_500 * day, words: []), "1h", "Cap of max-age in Cache-Control."),
    Setting(
      "issuers[].unissued", .choice(["unauthorized", "unknown", "revoked", "good"]), "unauthorized",
      "The answer for a serial that was never issued; `revoked` is the extended-revoke answer of RFC 6960 2.2."),
    Setting(
      "issuers[].presign", .choices(["sha1", "sha256", "sha384", "sha512"]), "sha1",
      "CertID hashes whose answers are signed ahead of time."),
    Setting(
      "issuers[].nonce", .choice(["echo", "ignore"]), "echo",
      "`ignore` answers a question that has a nonce with the signed-ahead answer."),
    Setting(
      "issuers[].requestSignatures", .choice(["ignore", "refuse"]), "ignore",
      "`refuse` answers signed requests with unauthorized."),
    Setting(
      "issuers[].archiveCutoff", .duration(1...36_500 * day, words: ["none", "issuer"]), "none",
      "The archiveCutoff extension: the CA's notBefore (`issuer`), or this long before each answer."),
    Setting(
      "issuers[].keepExpired", .duration(0...36_500 * day, words: ["forever"]), "forever",
      "How long after its end a certificate is still answered for; then unauthorized."),
  ]
}
