import LoadGenerator
import LoadReport

extension LoadOptions {
  /// Everything that was asked for, in order, for the report.
  func described(serials: Int) -> [LoadResult.Setting] {
    var list: [LoadResult.Setting] = []
    func add(_ name: String, _ value: String) { list.append(LoadResult.Setting(name: name, value: value)) }
    add("serials", Figures.grouped(UInt64(serials)))
    for (name, usual) in LoadOptions.shown {
      if let value = self[name] ?? usual { add(String(name.dropFirst(2)), value) }
    }
    for header in headerLines { add("header", header) }
    if settings.form.isHTTP10 { add("HTTP", "1.0") }
    return list
  }

  /// Options that a report shows, with what holds where they are not given.
  private static let shown: [(name: String, usual: String?)] = [
    ("--duration", "10s"), ("--warmup", "1s"), ("--timeout", "5s"), ("--threads", "1"), ("--connection", "keep-alive"),
    ("--method", "get"), ("--hash", "sha1"), ("--nonce", nil), ("--distribution", "uniform"), ("--seed", "1"),
    ("--unknown", nil), ("--malformed", nil), ("--slow-readers", nil), ("--idle", nil), ("--signatures", "1%"),
    ("--expect", nil), ("--revoke-webhook", nil), ("--revoke-every", nil),
  ]
}
