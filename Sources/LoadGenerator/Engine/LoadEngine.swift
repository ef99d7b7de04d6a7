import CalendarTime
import EventLoop
public import LoadReport
public import OCSP
import Synchronization

/// Makes one run of a load and gives what it measured.
public struct LoadEngine: Sendable {
  public let settings: LoadSettings
  let writer: RequestWriter

  /// What a full check finds wrong with an answer about a certificate; empty for one that may be believed.
  public typealias Judge = (ReceivedResponse.Basic, CertID) -> [String]

  /// - Parameters:
  ///   - issuer: with the hashes that the settings ask with.
  ///   - serials: at least one.
  public init(settings: LoadSettings, issuer: IssuerHashes, serials: SerialList, target: LoadTarget) {
    precondition(settings.threads >= 1 && settings.connections >= settings.threads)
    self.settings = settings
    writer = RequestWriter(
      questioner: Questioner(serials: serials, mix: settings.mix), issuer: issuer, target: target, form: settings.form)
  }

  /// Blocks until the load is over.
  ///
  /// - Parameters:
  ///   - judge: looks at the answers that were kept, signature and all, behind the run.
  ///   - stop: ends the load early; what was measured until then is given.
  ///   - progress: called about every fifth of a second, on this thread.
  /// - Throws: SystemCallError where the system has nothing left to begin with.
  public func run(
    to place: SocketPlace, judge: Judge, stop: StopSignal, progress: (LoadProgress) -> Void
  ) throws -> LoadRun {
    let seconds = Int((settings.durationMilliseconds + 999) / 1000)
    let collector = Collector(seconds: seconds)
    // A moment for all threads to get there.
    let begin = MonotonicTime.now().nanoseconds + 20_000_000
    let beside = BesideConnections.start(self, to: place)
    defer { beside?.end() }
    let outcomes = Outcomes(count: settings.threads)
    let threads = (0..<settings.threads).map { number in
      NamedThread(name: "load-\(number)") {
        do {
          var thread = try LoadThread(
            thread: number, run: self, place: place, collector: collector, stop: stop, begin: begin)
          thread.run()
          outcomes.put(.success(Outcome(tally: thread.tally, sendEnd: thread.sendEnd)))
        } catch {
          // A load with a thread less measures something else: the others need not go on.
          stop.stop()
          outcomes.put(.failure(error))
        }
      }
    }
    wait(for: outcomes, collector, begin: begin, progress)
    for thread in threads { thread.join() }
    return try merged(try outcomes.all(), collector, judge)
  }

  /// What a thread leaves behind.
  private struct Outcome: Sendable {
    var tally: Tally
    var sendEnd: Int64
  }

  private final class Outcomes: Sendable {
    private let list = Mutex<[Result<Outcome, any Error>]>([])
    private let done = GrowingValue()
    private let count: Int

    init(count: Int) {
      self.count = count
    }

    func put(_ outcome: Result<Outcome, any Error>) {
      let filled = list.withLock { list in
        list.append(outcome)
        return list.count
      }
      done.raise(to: UInt64(filled))
    }

    func areComplete(within milliseconds: Int64) -> Bool { done.wait(for: UInt64(count), milliseconds: milliseconds) }

    func all() throws -> [Outcome] { try list.withLock { $0 }.map { try $0.get() } }
  }

  private func wait(
    for outcomes: Outcomes, _ collector: Collector, begin: Int64, _ progress: (LoadProgress) -> Void
  ) {
    let measured = Double(settings.durationMilliseconds) / 1e3
    let warmUp = Double(settings.warmUpMilliseconds) / 1e3
    while !outcomes.areComplete(within: 200) {
      let elapsed = Double(MonotonicTime.now().nanoseconds - begin) / 1e9 - warmUp
      progress(collector.progress(elapsedSeconds: elapsed, measuredSeconds: measured))
    }
  }

  private func merged(_ outcomes: [Outcome], _ collector: Collector, _ judge: Judge) throws -> LoadRun {
    let first = outcomes[0]
    let sendEnd = outcomes.reduce(first.sendEnd) { max($0, $1.sendEnd) }
    let measured = max(0, sendEnd - first.tally.measured.lowerBound)
    let seconds = Double(measured) / 1e9
    var tally = Tally(measured: first.tally.measured)
    for outcome in outcomes {
      tally.merge(outcome.tally)
      check(outcome.tally.samples.samples, &tally, judge)
    }
    var run = LoadRun(
      pace: settings.pace, connections: settings.connections, seconds: seconds, planned: tally.planned)
    run.counts = tally.counts.filter { $0.value > 0 }
    run.latency = tally.latency
    run.service = tally.service
    run.lateness = tally.lateness
    run.timeline = collector.seconds(count: Int(seconds.rounded(.up)))
    run.bytesReceived = tally.bytesReceived
    run.connectionsOpened = tally.connectionsOpened
    run.clientProcessorSeconds = Double(tally.processorNanoseconds) / 1e9
    run.clientThreads = settings.threads
    run.limit = RunLimit.limit(
      of: run, busiest: outcomes.map { Double($0.tally.processorNanoseconds) / 1e9 }.max() ?? 0)
    run.examples = AnswerKind.allCases.compactMap { tally.examples[$0] }
    return run
  }

  /// The full check of what was kept.
  private func check(_ samples: [SampleStore.Sample], _ tally: inout Tally, _ judge: Judge) {
    for sample in samples {
      guard let certID = writer.certID(of: sample.question) else { continue }
      let problems: [String]
      let kind: AnswerKind
      if let response = try? ReceivedResponse(sample.body), let basic = response.basic {
        problems = judge(basic, certID)
        kind = .badSignature
      } else {
        problems = ["the body is no OCSP response in DER"]
        kind = .malformedResponse
      }
      guard !problems.isEmpty else { continue }
      tally.correct(sample.kind, to: kind)
      guard tally.needsExample(kind) else { continue }
      tally.keep(
        ExampleText.example(
          kind, sample.question, writer, after: Int64(sample.afterMilliseconds * 1e6),
          answer: Array(sample.body.prefix(Example.maximumAnswerBytes)), explanation: problems.joined(separator: "; "),
          now: .endOfTime))
    }
  }
}
