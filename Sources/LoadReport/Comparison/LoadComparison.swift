/// Two results side by side, run by run.
public struct LoadComparison: Sendable {
  public var before: LoadResult
  public var after: LoadResult

  public init(before: LoadResult, after: LoadResult) {
    self.before = before
    self.after = after
  }

  /// Runs that both have, by rate or by number of connections, in the order of `before`. Where a step was run several times,
  /// the first is compared with the first, the second with the second.
  var pairs: [RunPair] {
    matches.map { RunPair(before: before.runs[$0.before], after: after.runs[$0.after]) }
  }

  /// Whether anything can be compared: a run of one has a counterpart in the other.
  public var hasPairs: Bool { !matches.isEmpty }

  /// Runs without a counterpart, as sentences.
  var leftOver: [String] {
    let (befores, afters) = (Set(matches.map(\.before)), Set(matches.map(\.after)))
    func words(_ result: LoadResult, _ matched: Set<Int>, _ name: String) -> [String] {
      let steps = result.runs.indices.filter { !matched.contains($0) }.map { result.runs[$0].step }
      return steps.isEmpty ? [] : ["Only \(name): \(steps.joined(separator: ", "))."]
    }
    return words(before, befores, "before") + words(after, afters, "after")
  }

  private var matches: [(before: Int, after: Int)] {
    var free = Array(after.runs.indices)
    return before.runs.indices.compactMap { index in
      guard let place = free.firstIndex(where: { after.runs[$0].isSameStep(as: before.runs[index]) }) else {
        return nil
      }
      return (index, free.remove(at: place))
    }
  }

  /// What was not the same in both, as sentences: differences in the figures may come from there.
  var circumstances: [String] {
    var pairs: [(name: String, before: String, after: String)] = [
      ("url", before.url, after.url), ("machine", before.machine.words, after.machine.words),
      ("avouch", before.version, after.version),
    ]
    var names: [String] = []
    for setting in before.settings + after.settings where !names.contains(setting.name) { names.append(setting.name) }
    for name in names {
      func value(_ result: LoadResult) -> String {
        let values = result.settings.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? "not given" : values.joined(separator: ", ")
      }
      pairs.append((name, value(before), value(after)))
    }
    return pairs.filter { $0.before != $0.after }.map { "\($0.name): \($0.before) before, \($0.after) after" }
  }

  /// How the sentences were found, and what they do not say.
  static let method =
    "Noise is what differs from second to second within a run: a 95 % range from the means of the seconds, with room for "
    + "neighbours that resemble each other. What differs from one run to the next is not in it: repeat both in turns before "
    + "believing a small difference."
}

extension LoadRun {
  /// The same pace: the same rate, or as many connections in a closed loop.
  fileprivate func isSameStep(as other: LoadRun) -> Bool {
    switch (pace, other.pace) {
    case (.openLoop(let rate), .openLoop(let otherRate)): rate == otherRate
    case (.closedLoop, .closedLoop): connections == other.connections
    default: false
    }
  }
}
