import CalendarTime

extension LoadResult {
  /// What the member `format` of a file says.
  static let format = "avouch-load-1"

  /// The result as a JSON file: members in camelCase with their units last, times as ISO 8601. What follows from other
  /// members (rates, sums, percentiles) is there for those who read the file with other tools; reading it back takes none of
  /// that.
  public var json: String {
    JSONElement.members([
      "format": .text(LoadResult.format),
      "name": .text(name),
      "url": .text(url),
      "startedAt": .text(startedAt.iso8601),
      "version": .text(version),
      "machine": .members([
        "processors": .whole(machine.processors),
        "model": .text(machine.model),
        "memoryBytes": .whole(machine.memoryBytes),
        "kernel": .text(machine.kernel),
        "system": .text(machine.system),
      ]),
      "settings": .list(settings.map { .members(["name": .text($0.name), "value": .text($0.value)]) }),
      "runs": .list(runs.map(\.element)),
      "probes": .list(probes.map(\.element)),
    ]).fileText
  }
}

extension LoadRun {
  fileprivate var element: JSONElement {
    .members([
      "pace": .text(plannedPerSecond == nil ? "closedLoop" : "openLoop"),
      "plannedPerSecond": .real(plannedPerSecond),
      "connections": .whole(connections),
      "seconds": .real(seconds),
      "planned": .whole(planned),
      "answered": .whole(answered),
      "ok": .whole(fine),
      "failures": .whole(failures),
      "requestsPerSecond": .real(requestsPerSecond),
      "okPerSecond": .real(finePerSecond),
      "counts": .object(
        AnswerKind.allCases.compactMap { kind in
          counts[kind].map { JSONElement.Member(name: kind.rawValue, value: .whole($0)) }
        }),
      "limit": .text(limit.word),
      "limitReason": limit.reason.map { .text($0) } ?? .null,
      "clientThreads": .whole(clientThreads),
      "clientProcessorSeconds": .real(clientProcessorSeconds),
      "bytesReceived": .whole(bytesReceived),
      "connectionsOpened": .whole(connectionsOpened),
      "latency": latency.element,
      "service": service.element,
      "lateness": lateness.element,
      "timeline": .list(timeline.map(\.element)),
      "examples": .list(examples.map(\.element)),
    ])
  }
}

extension Limit {
  fileprivate var word: String {
    switch self {
    case .server: "server"
    case .client: "client"
    case .rate: "rate"
    case .failures: "failures"
    case .none: "none"
    }
  }

  fileprivate var reason: String? {
    if case .client(let why) = self { why } else { nil }
  }
}

extension LatencyHistogram {
  fileprivate var element: JSONElement {
    .members([
      "count": .whole(count),
      "meanNanoseconds": .real(mean),
      "minNanoseconds": .whole(minimum),
      "p50Nanoseconds": .whole(quantile(0.5)),
      "p90Nanoseconds": .whole(quantile(0.9)),
      "p95Nanoseconds": .whole(quantile(0.95)),
      "p99Nanoseconds": .whole(quantile(0.99)),
      "p999Nanoseconds": .whole(quantile(0.999)),
      "maxNanoseconds": .whole(maximum),
      "sumNanoseconds": .whole(sum),
      "buckets": .list(buckets.map { .list([.whole($0.lowEdge), .whole($0.count)]) }),
    ])
  }
}

extension Second {
  fileprivate var element: JSONElement {
    .members([
      "answered": .whole(answered),
      "failed": .whole(failed),
      "p50Nanoseconds": .whole(p50Nanoseconds),
      "p99Nanoseconds": .whole(p99Nanoseconds),
      "maxNanoseconds": .whole(maximumNanoseconds),
    ])
  }
}

extension Example {
  fileprivate var element: JSONElement {
    .members([
      "kind": .text(kind.rawValue),
      "afterMilliseconds": .real(afterMilliseconds),
      "method": .text(method),
      "target": .text(target),
      "bodyHexadecimal": .text(bodyHexadecimal),
      "answerHexadecimal": .text(answerHexadecimal),
      "explanation": .text(explanation),
    ])
  }
}

extension Probe {
  fileprivate var element: JSONElement {
    .members([
      "serial": .text(serial),
      "acknowledgedAfterMilliseconds": .real(acknowledgedAfterMilliseconds),
      "problem": problem.map { .text($0) } ?? .null,
      "watches": .list(
        watches.map { watch in
          .members([
            "url": .text(watch.url),
            "revokedAfterMilliseconds": .real(watch.revokedAfterMilliseconds),
            "lastGoodAfterMilliseconds": .real(watch.lastGoodAfterMilliseconds),
          ])
        }),
    ])
  }
}
