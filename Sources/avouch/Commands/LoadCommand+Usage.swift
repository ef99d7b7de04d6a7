extension LoadCommand {
  static let usage = """
    usage: avouch load --issuer ca.pem (--serials FILE | --index index.txt | --serial HEX) [options] URL
           avouch load --compare before.json after.json

    Asks the responder at URL (http://host:port/path) about the certificates of one CA, very often, looks at every answer
    and measures how soon it came.

      --issuer FILE     certificate of the CA (PEM or DER)
      --serials FILE    what is asked about: a serial number in hexadecimal on each line
      --index FILE      or the index.txt of `openssl ca`; what it calls revoked has to be answered so
      --serial HEX      or one serial number

    pace
      --rate N          open loop: N requests a second, whatever becomes of them; latency counts from the planned time
      --connections N   closed loop: N connections, each with the next request once it has its answer (default: 64)
      --sweep-rates N,N,…  --sweep-connections N,N,…
                        several runs, one with each
      --duration 10s    measured, of each run
      --warmup 1s       before it, not measured
      --timeout 5s      for connecting, for an answer, and for a planned request to find a free connection
      --threads N       that make the load (default 1)
      --maximum-connections N
                        of an open loop, open at once (default 256)

    connections
      --connection keep-alive | close | pipelined[:DEPTH]
                        kept (default), one for each request, or with DEPTH requests (16) under way on each
      --http10          speak HTTP/1.0

    questions
      --method get | post | get:70,post:30
      --hash sha1 | sha256 | sha384 | sha512 | sha1:90,sha256:10
      --nonce 10%       share with a nonce (default 0)
      --distribution uniform | zipf[:EXPONENT] | sequential
                        each serial as often as any other, few of them most of the time, or in the order of the file
      --seed N          of all chance (default 1): the same seed asks the same
      --unknown 1%      share about serials that are invented
      --malformed 1%    share that is damaged
      --slow-readers N  connections beside that ask and read one octet a second
      --idle N          connections beside that say nothing
      --header "Name: value"
                        a field more in each request; may be given several times

    checks
      --expect good | revoked | any
                        of the serials given; without it good and revoked are both right, unknown and unauthorized wrong
      --signatures 1%   share of answers whose signature is verified behind each run; at least one

    report
      --json FILE       all that was measured, to be read by programs and by --compare
      --html FILE       a page to look at
      --name TEXT       of the load, for reports (default: URL)
      --quiet           no line that tells how far it is

    revocations meanwhile (docs/load.md)
      --revoke-webhook URL --revoke-secret FILE --revoke-issuer NAME --revoke-serials FILE
                        revoke these serials through the webhook, one after the other
      --revoke-every 1s
      --watch URL       where each is asked about until it is revoked (default: URL); may be given several times

    Ctrl-C ends the load and tells what was measured until then.

    Exit code: 0 all answers were right, though there may have been too few (tryLater, HTTP 503 and 429, timed out, not
    sent); 1 an answer was wrong, a connection was refused or broke, or nothing was answered; 2 wrong use.
    """
}
