import LoadReport

/// What one thread has measured. Recording allocates nothing but for the first failure of each kind.
struct Tally {
  /// When the measured time begins and ends, in nanoseconds since the begin of the run.
  var measured: Range<Int64>
  private(set) var counts: [AnswerKind: UInt64]
  private(set) var latency = LatencyHistogram()
  private(set) var service = LatencyHistogram()
  private(set) var lateness = LatencyHistogram()
  private(set) var examples: [AnswerKind: Example] = [:]
  var planned: UInt64 = 0
  var bytesReceived: UInt64 = 0
  var connectionsOpened: UInt64 = 0
  var processorNanoseconds: Int64 = 0
  /// Answers that are checked in full behind the run.
  var samples = SampleStore()
  /// What was recorded since the last hand-over.
  private(set) var slice = Slice()

  /// What a thread hands over to the collector several times a second.
  struct Slice: Sendable {
    var latency = LatencyHistogram()
    var failed: UInt64 = 0

    var isEmpty: Bool { latency.isEmpty && failed == 0 }
  }

  init(measured: Range<Int64>) {
    self.measured = measured
    counts = Dictionary(uniqueKeysWithValues: AnswerKind.allCases.map { ($0, 0) })
  }

  mutating func record(_ kind: AnswerKind, latency nanoseconds: Int64, service: Int64) {
    counts[kind, default: 0] += 1
    guard !kind.isFailure else {
      slice.failed += 1
      return
    }
    latency.record(nanoseconds: nanoseconds)
    self.service.record(nanoseconds: service)
    slice.latency.record(nanoseconds: nanoseconds)
  }

  mutating func recordFailures(_ kind: AnswerKind, _ count: UInt64 = 1) {
    counts[kind, default: 0] += count
    slice.failed += count
  }

  mutating func recordLateness(_ nanoseconds: Int64) {
    lateness.record(nanoseconds: nanoseconds)
  }

  func needsExample(_ kind: AnswerKind) -> Bool { examples[kind] == nil }

  mutating func keep(_ example: Example) {
    examples[example.kind] = example
  }

  /// An answer that was counted as one kind was another one, as was found out later.
  mutating func correct(_ kind: AnswerKind, to other: AnswerKind) {
    guard let count = counts[kind], count > 0 else { return }
    counts[kind] = count - 1
    counts[other, default: 0] += 1
  }

  mutating func takeSlice(_ body: (borrowing Slice) -> Void) {
    body(slice)
    slice.latency.reset()
    slice.failed = 0
  }

  mutating func merge(_ other: Tally) {
    for (kind, count) in other.counts { counts[kind, default: 0] += count }
    latency.merge(other.latency)
    service.merge(other.service)
    lateness.merge(other.lateness)
    examples.merge(other.examples) { first, _ in first }
    planned += other.planned
    bytesReceived += other.bytesReceived
    connectionsOpened += other.connectionsOpened
    processorNanoseconds += other.processorNanoseconds
  }
}
