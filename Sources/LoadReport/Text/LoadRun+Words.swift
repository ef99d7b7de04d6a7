extension LoadRun {
  /// What sets this run apart from the others of a sweep: `5,000/s` or `64 connections`.
  var step: String {
    if let plannedPerSecond { return Figures.roundAmount(plannedPerSecond) + "/s" }
    return Figures.count(connections, "connections")
  }

  /// `open loop, 5,000 requests/s, at most 256 connections`.
  var paceWords: String {
    if let plannedPerSecond {
      return
        "open loop, \(Figures.roundAmount(plannedPerSecond)) requests/s, at most \(Figures.count(connections, "connections"))"
    }
    return "closed loop, \(Figures.count(connections, "connections"))"
  }

  /// How often each kind came, those that did, the most frequent first within fine, refused and failed.
  var frequentCounts: [(kind: AnswerKind, count: UInt64, share: Double)] {
    let total = counts.values.clampedSum
    func group(_ kind: AnswerKind) -> Int { kind.isFine ? 0 : kind.isRefusal ? 1 : 2 }
    return AnswerKind.allCases.filter { count($0) > 0 }
      .sorted { (group($0), count($1)) < (group($1), count($0)) }
      .map { ($0, count($0), Figures.share(of: count($0), in: total)) }
  }

  /// `1 thread, 34.0 % busy`.
  var clientWords: String {
    "\(Figures.count(clientThreads, "threads")), \(Figures.percent(clientProcessorShare)) busy"
  }

  /// How much of a second of the timeline was measured: all of it, save of the last one.
  func length(ofSecond index: Int) -> Double {
    index == timeline.count - 1 ? min(1, max(0, seconds - Double(index))) : 1
  }
}

extension LoadRun {
  /// Who was the limit, as a sentence.
  var limitSentence: String {
    switch limit {
    case .server: "The server was the limit: it answered as much as it could, and the client had time to spare."
    case .client(let why): "The client was the limit (\(why)): the server may be able to do more."
    case .rate: "Nobody was at a limit: the rate that was asked for was reached."
    case .failures:
      "No limit can be named: \(Figures.grouped(faults)) of \(Figures.grouped(max(planned, faults))) requests failed, and not by "
        + "taking too long."
    case .none:
      answered == 0
        ? "No limit can be named: \(emptiness)."
        : "Nobody was at a limit: the requests spent their time on the way, one after another."
    }
  }
}

extension Limit {
  /// `server`, as tables show it.
  var shortWords: String {
    switch self {
    case .server: "server"
    case .client: "client"
    case .rate: "rate"
    case .failures: "failures"
    case .none: "none"
    }
  }
}

extension AnswerKind {
  /// What tables mark it with.
  var mark: String { isFailure ? "FAILURE" : isRefusal ? "refused" : "" }
}

extension Machine {
  /// `4 processors (Example 9000), 7.75 GiB, Debian GNU/Linux 12 (bookworm), kernel 6.1.0`.
  var words: String {
    Figures.count(processors, "processors") + (model.isEmpty ? "" : " (\(model))") + ", "
      + Figures.bytes(memoryBytes) + ", \(system), kernel \(kernel)"
  }
}
