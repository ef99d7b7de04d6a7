import LoadReport

/// Answers that are kept for a full check behind the run: as many as are asked for up to a bound, and from then on a fair
/// choice of all of them (reservoir sampling).
struct SampleStore {
  struct Sample: Sendable {
    var question: Question
    var kind: AnswerKind
    var body: [UInt8]
    var isMeasured: Bool
    var afterMilliseconds: Double
  }

  /// Of a thread. Checking so many takes less than a second.
  static let maximumCount = 4096

  private(set) var samples: [Sample] = []
  private var seen: UInt64 = 0

  /// Where the next sample goes; nil where it is one too many. To be asked once for each.
  mutating func place(_ numbers: inout SplitMix) -> Int? {
    seen += 1
    if samples.count < SampleStore.maximumCount { return samples.count }
    let place = Int(numbers.next(below: seen))
    return place < SampleStore.maximumCount ? place : nil
  }

  mutating func put(_ sample: Sample, at place: Int) {
    if place == samples.count { samples.append(sample) } else { samples[place] = sample }
  }
}
