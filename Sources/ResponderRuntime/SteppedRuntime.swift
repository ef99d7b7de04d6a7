import EventLoop
import Responder

/// The parts of a runtime taken turn by turn on the caller's thread instead of each on its own: for simulations, in which
/// time is a number and the order of things a seed's.
///
/// It takes the place of `ResponderRuntime.start`; both run the same turns. One thread.
package final class SteppedRuntime {
  private let runtime: ResponderRuntime
  private let follower: ChangeFollower
  private let changeSigner: ChangeSigner
  private let loader: AnswerLoader
  private let refresher: Refresher
  /// By place.
  private var workers: [SigningWorker] = []

  package init(_ runtime: ResponderRuntime) throws {
    self.runtime = runtime
    let store = runtime.store
    runtime.applied.raise(to: try store.openSession().latestRevision().value)
    follower = ChangeFollower(runtime: runtime, session: try store.openSession())
    changeSigner = ChangeSigner(runtime: runtime, session: try store.openSession())
    loader = AnswerLoader(runtime: runtime, session: try store.openSession())
    refresher = Refresher(runtime: runtime, session: try store.openSession())
  }

  /// Who can take a turn.
  package enum Part: CaseIterable, Sendable {
    case follower, changeSigner, loader, refresher, saver, sweeper
  }

  /// Gives a part its turn. False where it had nothing to do.
  package func turn(of part: Part) throws -> Bool {
    switch part {
    case .follower: return try follower.turn()
    case .changeSigner: return try changeSigner.turn()
    case .loader: return loader.turn()
    case .refresher: return try refresher.turn()
    case .saver: return try runtime.saver.turn()
    case .sweeper:
      runtime.sweepOverdue()
      runtime.watchClock()
      return false
    }
  }

  /// What became of a turn of a place that signs.
  package enum Outcome: Sendable, Hashable {
    case worked
    /// Nothing before that monotonic nanosecond; nil for no such time.
    case idle(until: Int64?)
  }

  /// Has one order of a place signed, as one of its threads would.
  package func turn(ofPlace place: Int) throws -> Outcome {
    while workers.count <= place {
      let number = workers.count
      workers.append(
        SigningWorker(
          runtime: runtime, session: try runtime.store.openSession(), place: number, number: number,
          state: WorkerState()))
    }
    switch runtime.queue.look(place: place) {
    case .nothing(let until): return .idle(until: until)
    case .task(let task):
      workers[place].perform(task)
      return .worked
    }
  }

  /// Ends it as `ResponderRuntime.stop` does: what is signed is kept.
  package func stop() throws {
    loader.finish()
    while try turn(of: .saver) {}
  }
}
