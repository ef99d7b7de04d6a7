extension SettingsTable {
  /// The header fields by which caches keep answers together.
  static let surrogateKeys: [Setting] = [
    Setting(
      "surrogateKeys", .choices(["Surrogate-Key", "Cache-Tag", "Edge-Cache-Tag"]),
      "Header fields of answers that name their certificate, for caches that purge by key; left out: none. They hold the issuer's name: in a fleet every node calls it the same."
    )
  ]

  /// The caches that are told to forget answers.
  static let purge: [Setting] = [
    Setting(
      "purge[].name", .text, isRequired: true,
      "The name of a cache in logs and metrics: letters, digits, `.`, `_`, `-`; at most 64. With another name it is another cache."
    ),
    Setting(
      "purge[].driver", .choice(["varnish", "nginx", "fastly", "cloudflare", "akamai", "http"]), isRequired: true,
      "How it is told; `http`: by the request that `request` describes."),
    Setting(
      "purge[].by", .choice(["url", "key"]), "url",
      "`url`: every form of URL under which it may hold an answer; `key`: the certificate's surrogate key (`surrogateKeys`)."
    ),
    Setting(
      "purge[].endpoint", .text,
      "Where the cache or its API is reached, `http://host:port` or `https://host:port`; needed for varnish and nginx, where a path that targets are put behind may follow (`http://host:port/purge`), and for fastly, cloudflare and akamai in the place of their own API."
    ),
    Setting(
      "purge[].service", .text,
      "Fastly: the service's ID, needed with `by: \"key\"`; Cloudflare: the zone's ID, always needed."),
    Setting(
      "purge[].secretFile", .text,
      "A file that holds the API token (fastly, cloudflare), the credentials as an `.edgerc` (akamai), the bearer token (varnish, nginx) or what `{secret}` stands for (http)."
    ),
    Setting(
      "purge[].network", .choice(["production", "staging"]), "production", "Akamai's network that is purged."),
    Setting("purge[].request.method", .text, "With `http`: the method; left out, POST."),
    Setting(
      "purge[].request.url", .text,
      "With `http`: the URL; `{url}`, `{encodedURL}` (for inside of another one), `{host}`, `{target}` (path and query), `{key}`, `{issuer}` and `{serial}` stand for what is purged."
    ),
    Setting(
      "purge[].request.headers", .texts,
      "With `http`: header fields, `Name: value` each, with the same and with `{secret}`."),
    Setting("purge[].request.body", .text, "With `http`: the body, with the same save `{secret}`; left out, none."),
    Setting(
      "purge[].authority", .text,
      "CA certificates that vouch for https servers, PEM; left out, those of the system."),
    Setting("purge[].connections", .integer(1...64), "4", "Requests that are under way at once."),
    Setting("purge[].timeout", .duration(1...120, words: []), "10s", "How long a request may take."),
    Setting(
      "purge[].repeatAfter", .duration(1...3600, words: ["never"]), "2s",
      "A purge is repeated after so long: what was on its way to the cache meanwhile may have come behind it."),
    Setting(
      "purge[].check", .choice(["common", "all", "none"]), "common",
      "After a purge the answer is fetched through the cache, which proves that it is gone: by the forms of URL that clients use most, by all forms, or not at all."
    ),
    Setting(
      "purge[].checkAt", .text,
      "`http://host:port`, where these fetches connect to; left out: varnish and nginx: `endpoint`, others: the host of the URL."
    ),
  ]
}
