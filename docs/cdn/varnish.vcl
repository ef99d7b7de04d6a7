# Varnish 6 or 7 in front of Avouch: caches answers, and forgets them when Avouch says so.
#
# Purging by URL (PURGE) needs nothing else. For purging by key set surrogateKeys: ["Surrogate-Key"] in Avouch's
# configuration; for many purges a second use xkey (package varnish-modules) instead of bans: see the three lines for it.
vcl 4.1;

import std;
# With xkey: import xkey;

backend avouch {
  .host = "127.0.0.1";
  .port = "8080";
}

# Where Avouch's origin asks from. To ask for the secret of Avouch's secretFile too, see docs/cdn.md.
acl purgers {
  "127.0.0.1";
  "::1";
}

sub vcl_recv {
  # All ways to write one host share one object: OCSP.example.com, ocsp.example.com:80 and ocsp.example.com. are purged with
  # ocsp.example.com.
  if (req.http.Host) {
    set req.http.Host = std.tolower(regsub(regsub(req.http.Host, ":80$", ""), "\.(:[0-9]+)?$", "\1"));
  }
  if (req.method == "PURGE" || req.method == "BAN") {
    if (client.ip !~ purgers) {
      return (synth(403, "Not allowed"));
    }
    if (req.method == "PURGE") {
      return (purge);
    }
    if (!req.http.Surrogate-Key) {
      return (synth(400, "Surrogate-Key is missing"));
    }
    # With xkey: if (xkey.purge(req.http.Surrogate-Key) >= 0) { return (synth(200, "Purged")); }
    ban("obj.http.Surrogate-Key ~ (^|\s)" + req.http.Surrogate-Key + "(\s|$)");
    return (synth(200, "Banned"));
  }
  if (req.method != "GET" && req.method != "HEAD") {
    return (pass);
  }
  # Nothing of an OCSP answer depends on who asks.
  unset req.http.Cookie;
  unset req.http.Authorization;
  return (hash);
}

sub vcl_backend_response {
  # An answer that is over its time is not served while a newer one is fetched (must-revalidate).
  set beresp.grace = 0s;
  # With xkey: set beresp.http.xkey = beresp.http.Surrogate-Key;
}

sub vcl_deliver {
  unset resp.http.Surrogate-Key;
  unset resp.http.xkey;
}
