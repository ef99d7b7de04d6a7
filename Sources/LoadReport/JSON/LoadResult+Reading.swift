import CalendarTime

extension LoadResult {
  /// Octets of a file; an hour of a hundred runs has fewer.
  public static let maximumFileBytes = 256 << 20

  /// Reads what `json` has written. Members that this version does not know are passed over; a kind of answer that it does
  /// not know is refused, since its sums would be wrong.
  ///
  /// - Parameters:
  ///   - octets: the whole file.
  ///   - file: its name, for messages.
  public init(json octets: [UInt8], file: String) throws(LoadResultError) {
    guard octets.count <= LoadResult.maximumFileBytes else {
      throw LoadResultError("\(file): larger than \(LoadResult.maximumFileBytes) octets: no result of a load test is")
    }
    let whole = JSONPlace(element: try JSONParser.parse(octets, file: file), file: file, path: "")
    guard let format = try whole.optional("format") else {
      throw whole.error("no result of avouch load: the member 'format' is missing")
    }
    guard try format.text() == LoadResult.format else {
      throw format.error("'\(try format.text())' is not read by this version, which reads '\(LoadResult.format)'")
    }
    let startedAt = try whole.member("startedAt")
    guard let time = UnixTime(iso8601: try startedAt.text()) else {
      throw startedAt.error("'\(try startedAt.text())' is no time such as 2026-04-04T03:06:40Z")
    }
    var settings: [Setting] = []
    for place in try whole.member("settings").elements() {
      settings.append(Setting(name: try place.member("name").text(), value: try place.member("value").text()))
    }
    var runs: [LoadRun] = []
    for place in try whole.member("runs").elements() { runs.append(try LoadRun(place)) }
    var probes: [Probe] = []
    for place in try whole.member("probes").elements() { probes.append(try Probe(place)) }
    self.init(
      name: try whole.member("name").text(), url: try whole.member("url").text(), startedAt: time,
      machine: try Machine(whole.member("machine")), version: try whole.member("version").text(), settings: settings,
      runs: runs, probes: probes)
  }
}

extension Machine {
  fileprivate init(_ place: JSONPlace) throws(LoadResultError) {
    self.init(
      processors: try place.member("processors").whole(), model: try place.member("model").text(),
      memoryBytes: try place.member("memoryBytes").whole(), kernel: try place.member("kernel").text(),
      system: try place.member("system").text())
  }
}

extension LoadRun {
  fileprivate init(_ place: JSONPlace) throws(LoadResultError) {
    let pace = try place.member("pace")
    switch try pace.text() {
    case "closedLoop": self.pace = .closedLoop
    case "openLoop": self.pace = .openLoop(requestsPerSecond: try place.member("plannedPerSecond").amount())
    default: throw pace.error("'\(try pace.text())' is neither openLoop nor closedLoop")
    }
    connections = try place.member("connections").whole()
    seconds = try place.member("seconds").amount()
    planned = try place.member("planned").whole()
    for (name, count) in try place.member("counts").members() {
      guard let kind = AnswerKind(rawValue: name) else {
        throw count.error("this version knows no such kind of answer")
      }
      counts[kind] = try count.whole()
    }
    limit = try Limit(place)
    clientThreads = try place.member("clientThreads").whole()
    clientProcessorSeconds = try place.member("clientProcessorSeconds").amount()
    bytesReceived = try place.member("bytesReceived").whole()
    connectionsOpened = try place.member("connectionsOpened").whole()
    latency = try LatencyHistogram(place.member("latency"))
    service = try LatencyHistogram(place.member("service"))
    lateness = try LatencyHistogram(place.member("lateness"))
    for second in try place.member("timeline").elements() { timeline.append(try Second(second)) }
    for example in try place.member("examples").elements() { examples.append(try Example(example)) }
  }
}

extension Limit {
  fileprivate init(_ run: JSONPlace) throws(LoadResultError) {
    let place = try run.member("limit")
    switch try place.text() {
    case "server": self = .server
    case "client": self = .client(try run.member("limitReason").text())
    case "rate": self = .rate
    case "failures": self = .failures
    case "none": self = .none
    default: throw place.error("'\(try place.text())' is none of server, client, rate, failures and none")
    }
  }
}

extension LatencyHistogram {
  fileprivate init(_ place: JSONPlace) throws(LoadResultError) {
    var buckets: [(lowEdge: Int64, count: UInt64)] = []
    for bucket in try place.member("buckets").elements() {
      let pair = try bucket.elements()
      guard pair.count == 2 else { throw bucket.error("[least nanoseconds, count] is expected") }
      buckets.append((try pair[0].whole(), try pair[1].whole()))
    }
    let histogram = LatencyHistogram(
      buckets: buckets, sum: try place.member("sumNanoseconds").whole(),
      minimum: try place.member("minNanoseconds").whole(), maximum: try place.member("maxNanoseconds").whole())
    guard let histogram, histogram.count == (try place.member("count").whole(UInt64.self)) else {
      throw place.error("count, sum, minimum, maximum and buckets contradict each other")
    }
    self = histogram
  }
}

extension Second {
  fileprivate init(_ place: JSONPlace) throws(LoadResultError) {
    self.init(
      answered: try place.member("answered").whole(), failed: try place.member("failed").whole(),
      p50Nanoseconds: try place.member("p50Nanoseconds").whole(),
      p99Nanoseconds: try place.member("p99Nanoseconds").whole(),
      maximumNanoseconds: try place.member("maxNanoseconds").whole())
  }
}

extension Example {
  fileprivate init(_ place: JSONPlace) throws(LoadResultError) {
    let name = try place.member("kind")
    guard let kind = AnswerKind(rawValue: try name.text()) else {
      throw name.error("this version knows no kind of answer '\(try name.text())'")
    }
    self.init(
      kind: kind, afterMilliseconds: try place.member("afterMilliseconds").amount(),
      method: try place.member("method").text(), target: try place.member("target").text(),
      bodyHexadecimal: try place.member("bodyHexadecimal").text(),
      answerHexadecimal: try place.member("answerHexadecimal").text(),
      explanation: try place.member("explanation").text())
  }
}

extension Probe {
  fileprivate init(_ place: JSONPlace) throws(LoadResultError) {
    var watches: [Watch] = []
    for watch in try place.member("watches").elements() {
      watches.append(
        Watch(
          url: try watch.member("url").text(),
          revokedAfterMilliseconds: try watch.optional("revokedAfterMilliseconds")?.amount(),
          lastGoodAfterMilliseconds: try watch.optional("lastGoodAfterMilliseconds")?.amount()))
    }
    self.init(
      serial: try place.member("serial").text(),
      acknowledgedAfterMilliseconds: try place.optional("acknowledgedAfterMilliseconds")?.amount(), watches: watches,
      problem: try place.optional("problem")?.text())
  }
}
