import EventLoop
import Metrics
import Responder
import Synchronization

extension ResponderRuntime {
  /// Starts the threads. Throws where the store cannot be opened, and then nothing runs.
  public func start() throws {
    let first = try store.openSession()
    applied.raise(to: try first.latestRevision().value)
    let crew = SigningCrew(self)
    self.crew.withLock { $0 = crew }
    do {
      try startThreads(crew)
    } catch {
      stop()
      throw error
    }
  }

  private func startThreads(_ crew: SigningCrew) throws(StoreError) {
    let saver = self.saver
    start("save") { saver.run() }
    let follower = ChangeFollower(runtime: self, session: try store.openSession())
    let changeSigner = ChangeSigner(runtime: self, session: try store.openSession())
    let loader = AnswerLoader(runtime: self, session: try store.openSession())
    let refresher = Refresher(runtime: self, session: try store.openSession())
    try crew.fill(directory)
    start("changes") { follower.run() }
    start("change-sign") { changeSigner.run() }
    start("load") { loader.run() }
    start("refresh") { refresher.run() }
    start("sweep") { [self] in
      var turns = 0
      while !closing.wait(for: 1, milliseconds: 100) {
        sweepOverdue()
        watchClock()
        crew.watch()
        queue.setCalls(current.withLock { $0.counters }.map(\.callNanoseconds))
        turns += 1
        if turns.isMultiple(of: 50) { crew.mend() }
      }
    }
  }

  private func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = NamedThread(name: name, body)
    threads.withLock { $0.append(thread) }
  }

  /// Ends the threads; what is half signed is given up, what is signed is saved.
  public func stop() {
    closing.raise(to: 1)
    announced.close()
    applied.close()
    queue.close()
    crew.withLock { $0 }?.join()
    saver.close()
    let running = threads.withLock { threads -> [NamedThread] in
      defer { threads = [] }
      return threads
    }
    for thread in running { thread.join() }
    for receiver in pending.withLock({ $0.takeOverdue(now: .max) }) { receiver.receive(.tryLater) }
  }

  var isStopping: Bool { closing.current > 0 }
}
